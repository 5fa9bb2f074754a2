"""The suite that a `Storage` must pass. Levels: core, concurrency, durability, tenancy, fault.

    from intended_core.testing.storage_conformance import StorageConformance

    class TestMyStore(StorageConformance):
        @pytest.fixture
        def harness(self, tmp_path):
            return MyHarness(tmp_path / "store")     # storage_cases.StorageHarness

A case is left out only through what the harness declares (`processes`, `durable`), and is then reported as skipped with that reason.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from intended_core.errors import StoreConflictError, StoreError, UnitRefusedError
from intended_core.ports import ROW_KINDS, Storage
from intended_core.testing.storage_cases import (
    ACME,
    ACME_TEST,
    RIVAL,
    StorageHarness,
    advance,
    changing,
    check_log,
    consume,
    expect,
    expect_error,
    fail,
    in_processes,
    issue,
    kill_inside_decide,
    log_of,
    next_head,
    record_at,
    row,
    win_nonces,
)
from intended_core.unit import Changes, Head, RowKey, Unit, UnitView, Write

__all__ = ["StorageConformance"]

THREADS = 8
UNITS_PER_THREAD = 5
OVERLAP_SECONDS = 0.2  # how long a decide waits for another to come in beside it; in a right store none does


class StorageConformance:
    """Subclass as `Test…` and give the `harness` fixture."""

    __test__ = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__test__" not in vars(cls):
            cls.__test__ = True

    @pytest.fixture
    def harness(self) -> StorageHarness:
        """The store under test, fresh for each case."""
        raise NotImplementedError("a conformance class gives its own `harness` fixture")

    # -- core ----------------------------------------------------------------------------------------------------------------

    def test_core_empty(self, harness: StorageHarness) -> None:
        """A scope without a head is empty everywhere and not among the tenants; an unknown scope reads the same."""
        storage = harness.create()
        storage.create_scope(ACME)
        for scope in (ACME, RIVAL):
            expect(storage.head(scope), None, "head of an empty scope")
            expect(tuple(storage.read(scope, [RowKey("nonce", "a")])), (), "rows of an empty scope")
            expect(tuple(storage.scan(scope, "nonce")), (), "scan of an empty scope")
            expect(log_of(storage, scope), [], "records of an empty scope")
            expect(tuple(storage.thread(scope, "t")), (), "thread of an empty scope")
            expect(tuple(storage.leaves(scope, 0, 9)), (), "leaves of an empty scope")
        expect(tuple(storage.tenants()), (), "tenants without a head")

    def test_core_unit_is_kept(self, harness: StorageHarness) -> None:
        """What a unit wrote is read back byte for byte, by every read, also through another handle."""
        storage = _founded(harness)
        body = bytes(range(256)) * 20
        written = row("policy", 'set:Ünï "x"', body=body)
        committed = storage.commit(advance(ACME, Write(written, 0), thread="t", answer=("any", 1)))
        expect(committed.answer, ("any", 1), "the unit's answer")
        expect(committed.head, Head(2, b"2", b"head mac"), "the committed head")
        handles = (storage, harness.reopen()) if harness.durable else (storage,)
        for handle in handles:
            expect(handle.head(ACME), committed.head, "the head as stored")
            expect(tuple(handle.read(ACME, [RowKey("policy", written.key)])), (written,), "the row as stored")
            expect(tuple(handle.scan(ACME, "policy")), (written,), "the row as scanned")
            expect(log_of(handle, ACME), [record_at(0), record_at(1, "t")], "the records")
            expect(tuple(handle.thread(ACME, "t")), (record_at(1, "t"),), "the thread")
            expect(tuple(handle.leaves(ACME, 0, 2)), (b"leaf 0", b"leaf 1"), "the leaves")
            expect(tuple(handle.tenants()), (ACME,), "the tenants")

    def test_core_view_under_the_lock(self, harness: StorageHarness) -> None:
        """Decide sees the head, exactly the named rows that exist, and the named threads."""
        storage = _founded(harness)
        storage.commit(advance(ACME, Write(row("nonce", "a"), 0), Write(row("halt", "a", body=b"h"), 0), thread="t"))
        seen: list[UnitView] = []

        def decide(view: UnitView) -> Changes:
            seen.append(view)
            return Changes(head=next_head(view), records=(record_at(2),))

        keys = (RowKey("nonce", "a"), RowKey("halt", "missing"))
        storage.commit(Unit(ACME, decide, reads=keys, threads=("t", "none")))
        expect(seen[-1].head, Head(2, b"2", b"head mac"), "the head in the view")
        expect(dict(seen[-1].rows), {keys[0]: row("nonce", "a")}, "the rows in the view")
        expect(dict(seen[-1].threads), {"t": (record_at(1, "t"),), "none": ()}, "the threads in the view")

    def test_core_every_kind(self, harness: StorageHarness) -> None:
        """Every kind has its own space: the same key in each stays apart."""
        storage = _founded(harness)
        rows = [row(kind, "same", state="STATE", body=kind.encode()) for kind in ROW_KINDS]
        storage.commit(advance(ACME, *(Write(item, 0) for item in rows)))
        expect(tuple(storage.read(ACME, [RowKey(kind, "same") for kind in ROW_KINDS])), tuple(rows), "one row per kind")
        for item in rows:
            expect(tuple(storage.scan(ACME, item.kind, state="STATE")), (item,), f"scan of {item.kind} by state")
            expect(tuple(storage.scan(ACME, item.kind, state="OTHER")), (), f"scan of {item.kind} by another state")

    def test_core_unknown_kind(self, harness: StorageHarness) -> None:
        """A kind that is not of this API is refused in every call, with nothing written."""
        storage = _founded(harness)
        for call in (
            lambda: storage.commit(advance(ACME, Write(row("nonsense", "a"), 0))),
            lambda: storage.commit(advance(ACME, reads=(RowKey("nonsense", "a"),))),
            lambda: storage.read(ACME, [RowKey("nonsense", "a")]),
            lambda: storage.scan(ACME, "nonsense"),
        ):
            expect_error(StoreError, call, "an unknown kind")
        check_log(storage, ACME, 1, "after an unknown kind")

    def test_core_refusal_comes_out_unchanged(self, harness: StorageHarness) -> None:
        """What decide raises is raised as it is, and leaves nothing, whatever it is."""
        storage = _founded(harness)
        for error in (UnitRefusedError("no"), ValueError("x"), UnicodeError("u"), KeyboardInterrupt()):

            def decide(view: UnitView, error: BaseException = error) -> Changes:
                raise error

            raised = expect_error(BaseException, lambda decide=decide: storage.commit(Unit(ACME, decide)), "a refusal")  # type: ignore[misc]
            if raised is not error:
                fail(f"a refusal: {error!r} came out as {raised!r}")
            check_log(storage, ACME, 1, "after a refusal")
        storage.commit(advance(ACME))
        check_log(storage, ACME, 2, "the next unit")

    def test_core_insert_needs_absence(self, harness: StorageHarness) -> None:
        """Inserting a row that exists is a conflict, and the whole unit is gone."""
        storage = _founded(harness)
        storage.commit(advance(ACME, Write(row("nonce", "a"), 0)))
        _conflict(storage, Write(row("nonce", "b"), 0), Write(row("nonce", "a", body=b"other"), 0))
        expect(tuple(storage.scan(ACME, "nonce")), (row("nonce", "a"),), "after a refused insert")

    def test_core_replace_needs_the_version(self, harness: StorageHarness) -> None:
        """Replacing a row that is absent, older or newer is a conflict, and the whole unit is gone."""
        storage = _founded(harness)
        storage.commit(advance(ACME, Write(row("nonce", "a"), 0)))
        storage.commit(advance(ACME, Write(row("nonce", "a", 2), 1)))
        for replaces in (1, 3):
            _conflict(storage, Write(row("nonce", "b"), 0), Write(row("nonce", "a", replaces + 1, body=b"x"), replaces))
        _conflict(storage, Write(row("nonce", "missing", 2), 1))
        _conflict(storage, Write(row("nonce", "a", 9), 2))
        expect(tuple(storage.scan(ACME, "nonce")), (row("nonce", "a", 2),), "after refused replacements")

    def test_core_records_continue_the_log(self, harness: StorageHarness) -> None:
        """A gap, a repetition or a wrong order of records is a conflict."""
        storage = _founded(harness)
        for seqs in ((0,), (2,), (1, 3), (2, 1), (1, 1), (-1,)):
            unit = changing(ACME, records=tuple(map(record_at, seqs)))
            expect_error(StoreConflictError, lambda unit=unit: storage.commit(unit), f"records {seqs}")  # type: ignore[misc]
            check_log(storage, ACME, 1, f"after records {seqs}")

    def test_core_bodies_are_emptied_and_nothing_else(self, harness: StorageHarness) -> None:
        """A unit may empty the bodies of records that are there; their headers stay, and nobody else's are touched."""
        storage = _founded(harness)
        storage.commit(changing(ACME, records=tuple(map(record_at, (1, 2, 3)))))
        storage.commit(changing(ACME, records=(record_at(4),), erased=((1, 3),)))
        expected = tuple(replace(record_at(seq), body=b"") if seq in (1, 2) else record_at(seq) for seq in range(5))
        expect(tuple(storage.records(ACME)), expected, "after bodies were emptied")
        for unit in [changing(ACME, erased=(place,)) for place in ((5, 6), (4, 6), (-1, 1), (2, 2))]:
            expect_error(StoreConflictError, lambda unit=unit: storage.commit(unit), "emptying what is not there")  # type: ignore[misc]

    def test_core_fields_become_fewer_and_nothing_else(self, harness: StorageHarness) -> None:
        """A unit may take fields out of a record that is there, if they are as it read them; they never grow or change."""
        storage = _founded(harness)
        held = replace(record_at(1), fields=b"one and two")
        storage.commit(changing(ACME, records=(held, record_at(2))))
        storage.commit(changing(ACME, thinned=((1, held.fields, b"one"),)))
        expect(tuple(storage.records(ACME)), (record_at(0), replace(held, fields=b"one"), record_at(2)), "after a field was taken out")
        wrong = ((1, b"one", b"one and two"), (1, b"one", b"two"), (1, b"one and two", b"o"), (3, b"one", b""), (2, b"x", b""))
        for unit in [changing(ACME, thinned=(change,)) for change in wrong]:
            expect_error(StoreConflictError, lambda unit=unit: storage.commit(unit), "a field that grew or changed")  # type: ignore[misc]
        storage.commit(changing(ACME, erased=((1, 2),)))
        expect(tuple(storage.records(ACME))[1], replace(held, body=b"", fields=b""), "after its body was emptied")

    def test_core_head_follows_the_head(self, harness: StorageHarness) -> None:
        """A head that is not the next version is a conflict."""
        storage = _founded(harness)
        for version in (0, 1, 3):

            def decide(view: UnitView, version: int = version) -> Changes:
                return Changes(head=Head(version, b"wrong", b"mac"), records=(record_at(1),))

            expect_error(StoreConflictError, lambda decide=decide: storage.commit(Unit(ACME, decide)), f"head {version}")  # type: ignore[misc]
            check_log(storage, ACME, 1, f"after head {version}")

    def test_core_one_active_key(self, harness: StorageHarness) -> None:
        """A purpose has at most one ACTIVE signing key; rotation in one unit is possible; other purposes are free."""
        storage = _founded(harness)
        storage.commit(advance(ACME, Write(row("signing_key", "token:a"), 0), Write(row("signing_key", "log:b"), 0)))
        _conflict(storage, Write(row("signing_key", "token:c"), 0))
        storage.commit(
            advance(ACME, Write(row("signing_key", "token:a", 2, "PREVIOUS"), 1), Write(row("signing_key", "token:c"), 0))
        )
        active = [item.key for item in storage.scan(ACME, "signing_key", state="ACTIVE")]
        expect(active, ["log:b", "token:c"], "the ACTIVE keys after rotation")

    def test_core_scan_order_and_pages(self, harness: StorageHarness) -> None:
        """Scans come by key; records come in order, by range, past any page size."""
        storage = _founded(harness)
        names = [f"k{number:03}" for number in range(20)]
        storage.commit(advance(ACME, *(Write(row("entity", name), 0) for name in reversed(names))))
        expect([item.key for item in storage.scan(ACME, "entity")], names, "scan by key")

        def many(view: UnitView) -> Changes:
            return Changes(head=next_head(view), records=tuple(record_at(seq) for seq in range(2, 602)))

        storage.commit(Unit(ACME, many))
        expect([item.seq for item in storage.records(ACME)], list(range(602)), "all records")
        expect([item.seq for item in storage.records(ACME, start=250, stop=520)], list(range(250, 520)), "a range")
        expect([item.seq for item in storage.records(ACME, start=600, stop=900)], [600, 601], "a range past the end")
        expect(len(storage.leaves(ACME, 100, 400)), 300, "leaves of a range")

    def test_core_closed(self, harness: StorageHarness) -> None:
        """After close every call is a StoreError; closing again is nothing."""
        storage = _founded(harness)
        storage.close()
        storage.close()
        for call in (
            lambda: storage.commit(advance(ACME)), lambda: storage.head(ACME), storage.tenants, storage.probe,
            lambda: log_of(storage, ACME), lambda: storage.create_scope(RIVAL),
        ):  # fmt: skip
            expect_error(StoreError, call, "a closed store")

    # -- concurrency ---------------------------------------------------------------------------------------------------------

    def test_concurrency_decide_is_exclusive(self, harness: StorageHarness) -> None:
        """While a unit decides, no other unit of the scope reads: the second sees what the first wrote."""
        storage = _founded(harness)
        storage.commit(issue(ACME, "n"))
        inside, beside = threading.Event(), threading.Event()
        first = True

        def watch() -> None:
            nonlocal first
            if first:
                first = False
                inside.set()
                beside.wait(OVERLAP_SECONDS)
            else:
                beside.set()

        won, refused = _race(2, lambda number: storage.commit(consume(ACME, "n", bytes([number]), before=watch)))
        expect((won, refused), (1, 1), "two units that consume one nonce, the second started while the first decides")
        check_log(storage, ACME, 3, "after the two")

    def test_concurrency_one_winner_of_many_threads(self, harness: StorageHarness) -> None:
        """Eight threads spend one nonce: one succeeds, and the row is its."""
        storage = _founded(harness)
        storage.commit(issue(ACME, "n"))
        won, refused = _race(THREADS, lambda number: storage.commit(consume(ACME, "n", bytes([number]))))
        expect((won, refused), (1, THREADS - 1), "eight threads and one nonce")
        check_log(storage, ACME, 3, "after the race")

    def test_concurrency_no_unit_is_lost(self, harness: StorageHarness) -> None:
        """Eight threads append at once: the log is gapless and holds every unit once; readers see whole units throughout."""
        storage = _founded(harness)
        torn: list[str] = []
        done = threading.Event()

        def reading() -> None:
            while not done.is_set():
                head = storage.head(ACME)
                found = sum(1 for _ in storage.records(ACME))
                if head is None or found < head.version:
                    torn.append(f"head {head} but {found} records")

        reader = threading.Thread(target=reading)
        reader.start()
        try:
            won, _ = _race(THREADS, lambda _: [storage.commit(advance(ACME)) for _ in range(UNITS_PER_THREAD)])
        finally:
            done.set()
            reader.join()
        expect(won, THREADS, "threads that could append")
        expect(torn, [], "what readers saw meanwhile")
        check_log(storage, ACME, 1 + THREADS * UNITS_PER_THREAD, "after all appends")

    def test_concurrency_one_winner_of_processes(self, harness: StorageHarness) -> None:
        """Two processes spend the same nonces: each nonce is spent by exactly one, and the log tells so."""
        if not harness.processes:
            pytest.skip("declared: the store serves one process")
        storage = _founded(harness)
        names = [f"n{number:03}" for number in range(60)]
        storage.commit(issue(ACME, *names))
        answers, codes = in_processes(win_nonces, [(harness, names, b"one"), (harness, names[::-1], b"two")])
        expect(codes, [0, 0], "how the processes ended")
        expect(sorted(answers[0] + answers[1]), names, "each nonce won exactly once")
        owners = {item.key: item.body for item in storage.scan(ACME, "nonce", state="CONSUMED")}
        claimed = dict.fromkeys(answers[0], b"one") | dict.fromkeys(answers[1], b"two")
        expect(owners, claimed, "who the rows say has won")
        check_log(storage, ACME, 2 + len(names), "after the race of processes")

    # -- durability ----------------------------------------------------------------------------------------------------------

    def test_durability_survives_close(self, harness: StorageHarness) -> None:
        """What was committed is there for who opens the store next."""
        if not harness.durable:
            pytest.skip("declared: the store does not outlive its process")
        storage = _founded(harness)
        storage.commit(issue(ACME, "n"))
        storage.close()
        again = harness.reopen()
        check_log(again, ACME, 2, "after opening again")
        again.commit(consume(ACME, "n", b"x"))
        again.close()
        expect([item.state for item in harness.reopen().scan(ACME, "nonce")], ["CONSUMED"], "the last unit of all")

    def test_durability_killed_while_deciding(self, harness: StorageHarness) -> None:
        """kill -9 inside a unit: what was answered before is kept, nothing of the unit is there, and nobody stays locked out."""
        if not (harness.durable and harness.processes):
            pytest.skip("declared: the store does not outlive its process")
        storage = _founded(harness)
        storage.commit(issue(ACME, "kept", "open"))
        answers, codes = in_processes(kill_inside_decide, [(harness, "open")])
        expect((answers, codes), (["committed"], [-9]), "how the child ended")
        check_log(storage, ACME, 3, "after the kill")
        states = {item.key: item.state for item in storage.scan(ACME, "nonce")}
        expect(states, {"kept": "CONSUMED", "open": "ISSUED"}, "the nonces after the kill")
        storage.commit(consume(ACME, "open", b"x"))

    # -- tenancy -------------------------------------------------------------------------------------------------------------

    def test_tenancy_scopes_stay_apart(self, harness: StorageHarness) -> None:
        """The same keys in two tenants and two environments never meet."""
        storage = harness.create()
        scopes = (ACME, ACME_TEST, RIVAL)
        for number, scope in enumerate(scopes):
            storage.create_scope(scope)
            storage.commit(advance(scope, Write(row("nonce", "a", body=bytes([number])), 0), thread="t"))
        storage.commit(advance(RIVAL, Write(row("nonce", "a", 2, body=b"moved"), 1)))
        for number, scope in enumerate(scopes[:2]):
            expect(tuple(storage.scan(scope, "nonce")), (row("nonce", "a", body=bytes([number])),), f"rows of {scope}")
            expect(next(iter(storage.read(scope, [RowKey("nonce", "a")]))).body, bytes([number]), f"the row of {scope}")
            check_log(storage, scope, 1, f"log of {scope}")
            expect(len(storage.thread(scope, "t")), 1, f"thread of {scope}")
        check_log(storage, RIVAL, 2, "log of the one that moved")
        expect(tuple(storage.tenants()), scopes, "tenants by name and environment")
        expect(tuple(storage.heads()), tuple((scope, storage.head(scope)) for scope in scopes), "every head in one answer")

    def test_tenancy_names_are_taken_once(self, harness: StorageHarness) -> None:
        """A name or a uuid belongs to one tenant of an environment; half a match is no match."""
        storage = _founded(harness)
        other_uuid = type(ACME)("acme", RIVAL.uuid, "live")
        other_name = type(ACME)("rival", ACME.uuid, "live")
        for scope in (ACME, other_uuid, other_name):
            expect_error(StoreConflictError, lambda scope=scope: storage.create_scope(scope), f"taking {scope}")  # type: ignore[misc]
        for scope in (other_uuid, other_name, ACME_TEST):
            expect(storage.head(scope), None, f"head of {scope}")
            expect_error(StoreError, lambda scope=scope: storage.commit(advance(scope)), f"a unit of {scope}")  # type: ignore[misc]
        expect(tuple(storage.tenants()), (ACME,), "tenants")

    def test_tenancy_unused_room_is_given_again(self, harness: StorageHarness) -> None:
        """Who crashed before the first unit of a scope does not keep its name for ever."""
        storage = harness.create()
        storage.create_scope(ACME)
        again = type(ACME)(ACME.tenant, RIVAL.uuid, ACME.environment)
        storage.create_scope(again)
        storage.commit(advance(again))
        expect(tuple(storage.tenants()), (again,), "tenants")
        expect_error(StoreError, lambda: storage.commit(advance(ACME)), "the scope that was given up")

    # -- fault ---------------------------------------------------------------------------------------------------------------

    def test_fault_failed_units_change_nothing(self, harness: StorageHarness) -> None:
        """Many failures in a row, then a unit: no trace, no lock left behind, from any thread."""
        storage = _founded(harness)
        storage.commit(issue(ACME, "n"))
        for _ in range(20):
            expect_error(StoreConflictError, lambda: storage.commit(issue(ACME, "m", "n")), "a conflict")
        won, _ = _race(2, lambda number: storage.commit(issue(ACME, f"later{number}")))
        expect(won, 2, "units after failures")
        check_log(storage, ACME, 4, "after failures")

    def test_fault_unstorable_values(self, harness: StorageHarness) -> None:
        """Values that no store can keep are a StoreError, with nothing written."""
        storage = _founded(harness)
        huge = 2**63
        for write in (Write(row("nonce", "a", huge + 1), huge), Write(row("nonce", "b", state="\ud800"), 0)):
            expect_error(StoreError, lambda write=write: storage.commit(advance(ACME, write)), "an unstorable value")  # type: ignore[misc]
        expect(tuple(storage.scan(ACME, "nonce")), (), "after unstorable values")
        check_log(storage, ACME, 1, "after unstorable values")


def _founded(harness: StorageHarness) -> Storage:
    """A store with the scope ACME and its first record."""
    storage = harness.create()
    storage.create_scope(ACME)
    storage.commit(advance(ACME))
    return storage


def _conflict(storage: Storage, *writes: Write) -> None:
    before = storage.head(ACME)
    expect_error(StoreConflictError, lambda: storage.commit(advance(ACME, *writes)), "a write at a wrong version")
    expect(storage.head(ACME), before, "the head after a conflict")


def _race(count: int, work: Callable[[int], object]) -> tuple[int, int]:
    """Run `work` in threads released together; how many returned and how many were refused. Anything else fails."""
    ready = threading.Barrier(count)
    results: list[str] = []

    def run(number: int) -> None:
        ready.wait()
        try:
            work(number)
        except (UnitRefusedError, StoreConflictError):
            results.append("refused")
        except Exception as error:  # noqa: BLE001 - the case reports whatever came instead
            results.append(f"{type(error).__name__}: {error}")
        else:
            results.append("won")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    strange = [result for result in results if result not in ("won", "refused")]
    expect(strange, [], "what racing threads met")
    return results.count("won"), results.count("refused")
