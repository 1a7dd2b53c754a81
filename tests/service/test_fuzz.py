"""The whole API against its own document: nothing that is sent gets a 500, all answers conform."""

from typing import Any

import msgspec
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

from gateway_fakes import ScriptedScorer
from rewardd_service.app import create_gateway
from rewardd_service.edge.answers import Format, encode
from rewardd_service.settings import Settings

# The generics of schemathesis are open: their types say nothing here.
openapi: Any = schemathesis.openapi
known_checks: Any = checks
serializer: Any = schemathesis.serializer
deserializer: Any = schemathesis.deserializer


@serializer("application/msgpack")
def pack(_context: Any, value: Any) -> bytes:
    return encode(value, Format.MSGPACK)


@deserializer("application/msgpack")
def unpack(_context: Any, answer: Any) -> Any:
    return msgspec.msgpack.decode(answer.content)


GATEWAY = create_gateway(Settings(), ScriptedScorer())
SCHEMA = openapi.from_asgi("/openapi.json", GATEWAY)

# Numbers may come as text ("812"), so not all that the document forbids is refused; and ids that
# repeat are refused, which no document can say.
LAX = [known_checks.negative_data_rejection, known_checks.positive_data_acceptance]


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_api_keeps_its_own_contract(case: Any) -> None:
    case.call_and_validate(excluded_checks=LAX)
