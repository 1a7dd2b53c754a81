"""Files of samples: read in rows, scored in units, written so that nothing is ever half there."""

from rewardd_service.tables.columns import PARTS, Columns, value_at
from rewardd_service.tables.output import FileOutput, Output, Progress, StreamOutput, TakenError
from rewardd_service.tables.rows import Complaint, Row, RowError, TableError, decode
from rewardd_service.tables.source import STANDARD, Source, open_source
from rewardd_service.tables.units import Entry, Unit, batches, units

__all__ = [
    "PARTS",
    "STANDARD",
    "Columns",
    "Complaint",
    "Entry",
    "FileOutput",
    "Output",
    "Progress",
    "Row",
    "RowError",
    "Source",
    "StreamOutput",
    "TableError",
    "TakenError",
    "Unit",
    "batches",
    "decode",
    "open_source",
    "units",
    "value_at",
]
