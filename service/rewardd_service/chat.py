"""Chat messages to text: what verifiers judge is always text."""

from collections.abc import Sequence

from rewardd_client.schema import Message, Text


def completion_text(completion: Text) -> tuple[str, str | None]:
    """Return what the policy wrote, and its thinking where that was handed over apart.

    Of messages the last one of the assistant is judged; earlier ones and tool replies are not
    the answer. Messages without an assistant's turn have none.
    """
    if isinstance(completion, str):
        return completion, None
    for message in reversed(completion):
        if message.role == "assistant":
            return _content(message), message.reasoning_content
    return "", None


def prompt_text(prompt: Text | None) -> str:
    """Return the prompt as text: its messages in order, blank lines between."""
    if prompt is None:
        return ""
    return prompt if isinstance(prompt, str) else _joined(prompt)


def _joined(messages: Sequence[Message]) -> str:
    return "\n\n".join(filter(None, map(_content, messages)))


def _content(message: Message) -> str:
    if message.content is None:
        return ""
    if isinstance(message.content, str):
        return message.content
    parts = [part.get("text") for part in message.content]
    return "".join(part for part in parts if isinstance(part, str))
