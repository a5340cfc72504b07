"""The reader of LLM requests: what it reads, and how it names what it cannot."""

from pathlib import Path

import pytest

from suanli.simulation.traces.azure_llm import CODE, CONVERSATION, read_requests
from suanli.terms.errors import InputError

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
ROW = "2023-11-16 18:17:03.9799600,4808,10\n"
EARLIER = "2023-11-16 18:17:03.9699600,1,1\n"


def test_instants_are_milliseconds_since_the_first(tmp_path: Path) -> None:
    path = tmp_path / CODE
    path.write_text(HEADER + ROW + "2023-11-16 18:17:05.0000000,0,7\n")
    requests = read_requests(path)
    assert requests.arrival_ms.tolist() == [0, 1021]  # …03.979 to …05.000, decimals cut
    assert requests.context.tolist() == [4808, 0]
    assert requests.generated.tolist() == [10, 7]
    assert requests.span_ms == 1021


@pytest.mark.parametrize(("text", "said"), [
    ("TIMESTAMP,ContextTokens\n", ":1: GeneratedTokens: the column is missing"),
    ("", ":1: TIMESTAMP: the column is missing"),
    (HEADER, ":2: TIMESTAMP: found no request"),
    (HEADER + ROW + EARLIER, ":3: TIMESTAMP: found '2023-11-16 18:17:03.9699600', earlier"),
    (HEADER + "yesterday,1,1\n", ":2: TIMESTAMP: found 'yesterday'"),
    (HEADER + ROW.replace("4808", "-1"), ":2: ContextTokens: found '-1'"),
    (HEADER + ROW.replace("4808", "1.5"), ":2: ContextTokens: found '1.5'"),
    (HEADER + ROW.replace("4808", "99999999"), ":2: ContextTokens: found '99999999'"),
    (HEADER + ROW.replace(",10", ",²"), ":2: GeneratedTokens: found '²'"),
    (HEADER + ROW.replace(",10", ""), ":2: GeneratedTokens: found None"),
])
def test_malformed_rows_are_named_by_file_line_and_column(tmp_path: Path, text: str,
                                                          said: str) -> None:
    path = tmp_path / CODE
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_requests(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_requests(tmp_path / CODE)


def test_the_published_trace(public_data: Path) -> None:
    """Rows, and the mean tokens that the reference page computed from the same files."""
    for name, count, context, generated in ((CODE, 8819, 2048, 28),
                                            (CONVERSATION, 19366, 1155, 211)):
        requests = read_requests(public_data / "traces" / "azure_llm" / name)
        assert len(requests.context) == count
        assert round(requests.context.mean()) == context
        assert round(requests.generated.mean()) == generated
