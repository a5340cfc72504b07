"""The command line against a real server with real processes, as a new user would use it."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from suanli import __version__

FAST = 60


class Home:
    """A fresh data directory and the command line on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {**os.environ, "SUANLI_HOME": str(directory)}

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([sys.executable, "-m", "suanli.cli.main", *words], text=True,
                              capture_output=True, env=self.environment, timeout=FAST,
                              check=False, cwd=self.directory.parent)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def rows(self, *words: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = json.loads(self(*words, "-o", "json").stdout)
        assert all("id" in row for row in rows)
        return rows


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home") / "s")
    yield made
    made("down")


def test_a_first_run_needs_no_set_up(home: Home) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(5)"
    done = home("run", "--", sys.executable, "-c", code, code=5)
    assert done.stdout == "out\n"
    assert "starting one" in done.stderr
    assert "core-hour" in done.stderr
    assert "starting grant" in done.stderr
    assert "err\n" in done.stderr
    job = home.rows("jobs")[-1]
    assert (job["outcome"], job["exit_code"]) == ("failed", 5)
    assert [r["job"] for r in home.rows("receipts")] == [1]
    assert [p.name for p in home.directory.iterdir() if "key" in p.name] == ["keys"]


def test_it_says_its_version_and_runs_as_a_module(home: Home) -> None:
    said = f"suanli {__version__}\n"
    assert home("--version").stdout == said
    for words in (["-m", "suanli", "--version"], ["-m", "suanli", "nonsense"]):
        done = subprocess.run([sys.executable, *words], text=True, capture_output=True, check=False)
        assert (done.stdout, done.returncode) == ((said, 0) if "--version" in words else ("", 2))


def test_files_are_private(home: Home) -> None:
    for path in (*(home.directory / "keys").iterdir(), home.directory / "server.sock"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.directory.stat().st_mode) == 0o700


def test_a_receipt_verifies_offline_and_a_changed_one_does_not(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    home("receipts", "--job", "1", "--save", str(file))
    said = home("verify", str(file)).stdout
    assert "receipt verified" in said
    assert "cpu-core" in said
    receipt = json.loads(file.read_text())
    key = receipt["validators"][0]
    assert "--validator pins" not in home("verify", str(file), "--validator", key).stdout
    home("verify", str(file), "--validator", "00" * 32, code=70)
    file.write_text(json.dumps({**receipt, "result": receipt["result"][:-2] + "00"}))
    assert "path does not lead" in home("verify", str(file), code=70).stderr
    file.write_text("{}")
    assert "not a receipt" in home("verify", str(file), code=2).stderr


def test_detach_logs_and_cancel(home: Home) -> None:
    code = "import time; print('tick'); time.sleep(60)"
    job = home("run", "--detach", "--", sys.executable, "-c", code).stdout.strip()
    _until(lambda: "tick" in home("logs", job).stdout)
    home("cancel", job)
    _until(lambda: home.rows("jobs")[-1]["outcome"] == "cancelled")
    assert "wrong_phase" in home("cancel", job, code=1).stderr


def test_the_time_limit_ends_a_job(home: Home) -> None:
    done = home("run", "--time-limit", "1s", "--grace", "1s", "--", "sleep", "60", code=1)
    assert "time_limit" in done.stderr


def test_a_gang_and_a_fraction(home: Home) -> None:
    host = home.rows("fleet")[0]
    assert host["devices"] == len(os.sched_getaffinity(0))
    home("run", "--share", "250", "--", "true")
    if int(str(host["devices"])) > 1:
        home("run", "--devices", "2", "--", "true")
    too_many = str(int(str(host["devices"])) + 1)
    said = home("run", "--devices", too_many, "--", "true", code=1).stderr
    assert "gang_does_not_fit" in said


def test_a_gang_states_its_levels(home: Home) -> None:
    home("run", "--required-level", "host", "--preferred-level", "device", "--", "true")
    job, host = home.rows("jobs")[-1], home.rows("fleet")[0]
    assert (job["level_required"], job["level_preferred"]) == ("host", "device")
    assert (host["leaf"], host["spine"], host["network"]) == ("", "", "")
    assert host["link"] == "shared memory"  # the datasheet's
    said = home("run", "--devices", "2", "--devices-min", "3", "--", "true", code=1).stderr
    assert "device_count_out_of_range" in said
    said = home("run", "--required-level", "rack", "--", "true", code=1).stderr
    assert "unknown_level" in said
    assert "device, host, leaf, spine, zone" in said


def test_buying_ahead_reserves_and_is_used_first(home: Home) -> None:
    hour = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + 3600))
    grade = "cpu-core-llm-training-single"
    said = home("buy", "local", grade, hour, "0.000", code=2).stderr
    assert "0.001 or more" in said
    said = home("buy", "local", grade, hour, "0.001", "--limit", "1", code=1).stderr
    assert "no_offer" in said
    said = home("buy", "local", grade, hour, "0.001", "--limit", "1000", "--rest").stdout
    assert "0.001 resting" in said
    order = home.rows("orders")[0]
    assert (order["side"], order["lots"], order["price_mrmb"]) == ("buy", 1, 1000)
    assert any(b["held"] == 1000 for b in home.rows("balance"))
    home("orders", "--cancel", str(order["id"]))
    assert home.rows("orders") == []


def test_orders_of_every_kind_from_the_command_line(home: Home) -> None:
    """A core-hour is less than the least that is traded, so only bids can rest here."""
    hour = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + 3600))
    product = ("local", "cpu-core-llm-training-single", hour)
    bid = home("buy", *product, "0.01", "--limit", "1000", "--post-only", "--visible", "0.002",
               "--until", "2036-01-01T00:30", "--self-trade", "oldest").stdout
    assert "0.000 token bought, 0.010 resting" in bid
    order, = home.rows("orders")
    assert (order["side"], order["lots"], order["price_mrmb"]) == ("buy", 10, 1000)
    assert any(b["held"] == 10_000 for b in home.rows("balance"))
    for verb in ("buy", "sell"):
        for words, reason in ((("--fok",), "not_filled_whole"),
                              (("--market",), "no_offer"),
                              (("--fok", "--post-only"), "order_kind_contradicts"),
                              (("--until", "2026-01-01T00"), "order_expired"),
                              (("--visible", "0.001"), "visible_out_of_range")):
            lots = "0.2" if reason == "visible_out_of_range" else "0.01"
            limit = "1000" if verb == "buy" else "1001"
            said = home(verb, *product, lots, "--limit", limit, *words, code=1).stderr
            assert reason in said, (verb, words)
    said = home("sell", *product, "0.001", "--limit", "1001", "--post-only", code=1).stderr
    assert "insufficient_balance" in said
    said = home("buy", *product, "1", "--limit", "1", "--self-trade", "mine", code=2).stderr
    assert "newest|oldest|both|decrement" in said
    assert "2026-12-01T15:30" in home("buy", *product, "1", "--until", "noon", code=2).stderr
    assert home.rows("orders") == [order]
    home("orders", "--cancel", str(order["id"]))
    assert home.rows("orders") == []


def test_the_curve_and_a_quote_are_shown(home: Home, tmp_path: Path) -> None:
    grade = "cpu-core-llm-training-single"
    said = home("price", "local", grade).stdout
    assert "hour (UTC)" in said
    assert f"local {grade} firm: milli-RMB a token by hour" in said
    assert len(home.rows("price", "local", grade)) == 24
    assert "nothing is offered" in home("price", "atlantis", grade, code=2).stderr
    job = tmp_path / "job.json"
    job.write_text('{"argv": ["true"], "time_limit_ms": 7200000, "max_hourly_cost": 10000000}')
    rows = home.rows("price", "--job", str(job))
    assert [(row["when"], row["hours"]) for row in rows] == [
        ("now", 2), ("tonight", 2), ("this week", 2)]
    job.write_text("{argv")
    assert "a job as JSON is accepted" in home("price", "--job", str(job), code=2).stderr


def test_auctions_are_listed_and_what_is_not_there_is_said(home: Home) -> None:
    grade = "cpu-core-llm-training-single"
    assert "next day-ahead: opens" in home("auction", "status").stdout
    said = home("auction", "bid", "local", grade, "2036-01-01T00", "1", "--limit", "5", code=2)
    assert "no auction is open for 2036-01-01T00:00" in said.stderr.replace("\n", " ")
    said = home("auction", "offer", "local", grade, "2036-01-01T04", "1", "--hours", "3", "--at",
                "2036-01-02T05", "--at", "2036-01-01T01", "--limit", "5", "--fixed-cost", "2.5",
                code=2)
    assert ("no auction is open for 2036-01-01T01:00 to 2036-01-02T06:00"
            in " ".join(said.stderr.replace("│", " ").split()))
    assert home.rows("auction", "orders") == []
    for words in (("explain", "7"), ("cancel", "7"), ("results", "7")):
        assert "no" in home("auction", *words, code=1).stderr
    hour = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + 3600))
    said = home("sell", "local", grade, hour, "0.001", "--limit", "5", code=1)
    assert "insufficient_balance" in said.stderr


def test_credit_is_granted_listed_and_not_converted_without_a_price(home: Home) -> None:
    for wrong, said in (("0", "0.000001 or more"), ("1.2345678", "steps of 0.000001"),
                        ("-1", "No such option"), ("much", "steps of 0.000001")):
        assert said in home("credit", "grant", "tenant", wrong, code=2).stderr
    assert "unknown_participant" in home("credit", "grant", "nobody", "1", code=1).stderr
    assert home.rows("credit", "list") == []
    home("credit", "grant", "2", "1")
    assert "2.2 RMB of credit" in home("credit", "grant", "tenant", "1.2").stdout
    row, = home.rows("credit", "list")
    assert (row["issuer"], row["owed"], row["mine"]) == ("operator", 2_200_000, 2_200_000)
    assert row["by_member"] == [{"member": 2, "name": "tenant", "face": 2_200_000}]
    held, = (b for b in home.rows("balance") if "credit" in str(b["unit"]))
    assert (held["unit"], held["in_words"]) == ("credit of operator", "2.200000 RMB of face")
    hour = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + 3600))
    product = ("local", "cpu-core-llm-training-single", hour)
    refused = home("credit", "convert", *product, "0.001", code=1).stderr
    assert "no_auction_price" in refused
    assert "unknown_grade" in home("credit", "convert", *product, "1", "--issuer=2", code=1).stderr


def test_a_deferred_job_waits_for_its_auction(home: Home) -> None:
    assert "both" in home("run", "--by", "2036-01-01T00", "--", "true", code=2).stderr
    said = home("run", "--by", "2036-01-01T00", "--budget", "5", "--time-limit", "2h", "--", "true")
    assert "deferred 1" in said.stdout
    row, = home.rows("jobs", "--deferred")
    assert (row["name"], row["job"]) == ("true", 0)


def test_statements_are_what_was_paid(home: Home) -> None:
    row = home.rows("balance", "--statements")[0]
    cash = next(b for b in home.rows("balance") if (b["owner"], b["unit"]) == ("operator", "cash"))
    assert row["cash_micro_rmb"] == cash["available"]
    assert row["tokens"] == sum(int(str(j["tokens"])) for j in home.rows("jobs"))


def test_an_unusable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in Home(tmp_path / "file")("jobs", code=3).stderr


def test_prices_and_chips(home: Home) -> None:
    assert {p["tier"] for p in home.rows("price")} == {"firm", "spot"}
    chips = home.rows("chips", "list")
    assert len(chips) == 37
    assert {"origin", "sources", "ratings_ucu", "is_verified"} <= set(chips[0])


@pytest.mark.parametrize(("words", "code", "said"), [
    (("run", "--time-limit", "soon", "--", "true"), 2, "24h"),
    (("run", "--workload", "mining", "--", "true"), 1, "unknown_workload_class"),
    (("run", "--chip", "h900", "--", "true"), 1, "unknown_chip"),
    (("run", "--max-hourly-cost", "-1", "--", "true"), 2, "max_hourly_cost"),
    (("run", "--env", "NO_SUCH_NAME", "--", "true"), 2, "NAME=VALUE"),
    (("logs", "999"), 1, "no job 999"),
    (("cancel", "999"), 1, "unknown_job"),
    (("buy", "atlantis", "x", "2026-12-01T15", "1"), 2, "no posted price"),
    (("buy", "local", "cpu-core-llm-training-single", "yesterday", "1"), 2, "2026-12-01T15"),
    (("verify", "/nonexistent"), 3, "no chain"),
    (("replay", "--policy", "magic"), 2, "best-fit"),
    (("replay", "--days", "9:1"), 2, "A:B"),
    (("replay", "/nonexistent"), 2, "no such file"),
    (("nonsense",), 2, "No such command"),
])
def test_wrong_input_says_what_would_be_accepted(home: Home, words: tuple[str, ...], code: int,
                                                 said: str) -> None:
    done = home(*words, code=code)
    assert said in done.stderr


def test_a_second_server_is_refused(home: Home) -> None:
    assert "another server owns" in home("up", code=3).stderr


def test_the_api_refuses_what_it_must(home: Home) -> None:
    client = httpx.Client(transport=httpx.HTTPTransport(uds=str(home.directory / "server.sock")),
                          base_url="http://x")
    assert client.get("/healthz").json()["status"] == "ok"
    assert "/v1/jobs" in client.get("/openapi.json").json()["paths"]
    job = {"argv": ["true"], "time_limit_ms": 1000, "max_hourly_cost": 10**6}
    for wrong in ({**job, "time_limit_ms": 0}, {k: v for k, v in job.items()
                                                if k != "time_limit_ms"},
                  {k: v for k, v in job.items() if k != "max_hourly_cost"},
                  {**job, "max_hourly_cost": 2**63}, {**job, "argv": []}, {**job, "x": 1},
                  {**job, "devices": "2"}):
        assert client.post("/v1/jobs", json=wrong).status_code == 422, wrong
    assert client.post("/v1/envelopes", json={"envelope": "zz"}).status_code == 422
    assert client.post("/v1/envelopes", json={"envelope": "a0"}).status_code == 422
    assert client.get("/v1/jobs/999").status_code == 404
    assert client.get("/v1/jobs/1/logs", params={"stream": "../keys"}).status_code == 422
    assert client.get("/v1/receipts/999").status_code == 404


def test_the_chain_replays_to_what_the_server_said(home: Home) -> None:
    before = home.rows("receipts")
    home("down")
    assert "re-executed" in home("verify", "--replay").stdout
    assert home.rows("receipts") == before != []  # and a started server knows them again


def test_tcp_needs_the_credential(tmp_path: Path) -> None:
    home = Home(tmp_path / "t")
    port = 20_000 + os.getpid() % 20_000
    server = subprocess.Popen([sys.executable, "-m", "suanli.cli.main", "up", "--port", str(port)],
                              env=home.environment, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}/v1/status"
        _until(lambda: _answers(address))
        assert httpx.get(address).status_code == 401
        secret = (home.directory / "credential").read_text()
        headers = {"authorization": f"Bearer {secret}"}
        assert httpx.get(address, headers=headers).status_code == 200
        assert stat.S_IMODE((home.directory / "credential").stat().st_mode) == 0o600
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0  # it settled what it had, then left
        assert not (home.directory / "server.sock").exists()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code > 0
    except httpx.HTTPError:
        return False


def _until(holds: object, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


def test_explain_tells_why_a_job_waits_runs_or_ended(home: Home) -> None:
    job = home("run", "--detach", "--max-hourly-cost", "0.000001", "--", "true").stdout.strip()
    assert "too-dear" in home("explain", job).stdout
    row = home.rows("explain", job)[0]
    assert (row["phase"], row["constraint"]) == ("queued", "too-dear")
    assert int(str(row["price_gap_micro_rmb"])) > 0
    home("cancel", job)
    assert "it ended: cancelled" in home("explain", job).stdout
    assert "unknown_job" in home("explain", "999999", code=1).stderr
