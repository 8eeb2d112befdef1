"""Lists as towns have them: what a spreadsheet makes of a number, and what is told of each bad line (R3)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from sync.collector.errors import Mistake
from sync.collector.invariants import broken
from sync.collector.policy.model import StatusListFiles
from sync.collector.privacy import audit, keyfile
from sync.collector.privacy.audit import Actor
from sync.collector.privacy.pace import Pace
from sync.collector.visitors.identity import Document
from sync.collector.visitors.status import files
from sync.collector.visitors.status.importing import BadLines, Import
from sync.collector.visitors.status.lists import MAX_LINE, Bad, Fault, StatusLine, TestLine, clean, moment, read
from sync.collector.visitors.status.model import LabResult, MarkedPerson, StatusEntry
from sync.collector.visitors.status.port import Reason
from sync.wire.passes import Status
from sync.wire.statuslist import StatusList
from tests.sync.collector.cluster import DATABASES
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.people import registered, somebody
from tests.sync.collector.processes import collector
from tests.sync.collector.test_status_register import G, R, Y, issued, of, say, take_back

both = pytest.mark.parametrize("new_state", DATABASES, indirect=True)
OFFICE = Actor("account chief", "通知 5 号")
HEAD = "姓名,证件号码,码色,原因,到期日\n"
TESTS = "证件号码,采样时间,结果,检测机构\n"
UNTIL = "2026-10-05"  # NOW is 2026-09-21 in China
ENDS = 1_791_216_000.0  # 2026-10-06 00:00 there
NUMBER = somebody(1).number


def one(text: str, head: str = HEAD) -> StatusLine | TestLine | Bad:
    """The only line behind that head."""
    (found,) = read([head, text], NOW)
    return found


@pytest.mark.parametrize(
    "written",
    [
        NUMBER,
        f"'{NUMBER}",
        f'"=""{NUMBER}"""',
        f" {NUMBER}\t".replace("\t", " "),
        "".join(chr(ord(sign) + 0xFEE0) for sign in NUMBER),
        f"{NUMBER[:6]} {NUMBER[6:14]}-{NUMBER[14:]}",
        NUMBER.lower(),
    ],
)
def test_a_number_is_the_same_number_however_a_spreadsheet_wrote_it(written: str) -> None:
    """As text, as a formula, full-width, with blanks."""
    assert one(f"王伟,{written},红码,密接,{UNTIL}\n") == StatusLine(
        2, Document.RESIDENT, NUMBER, Status.RED, Reason.CONTACT, ENDS
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f"王伟,,红,密接,{UNTIL}", Fault.NO_NUMBER),
        (f"王伟,1.10105E+17,红,密接,{UNTIL}", Fault.SHORTENED),
        (f"王伟,{NUMBER[:-3]}000,红,密接,{UNTIL}", Fault.NUMBER),
        (f"王伟,E12345678,红,密接,{UNTIL}", Fault.DOCUMENT),
        (f"王伟,{NUMBER},蓝,密接,{UNTIL}", Fault.STATUS),
        (f"王伟,{NUMBER},红,看着不像好人,{UNTIL}", Fault.REASON),
        (f"王伟,{NUMBER},红,密接,", Fault.UNTIL),
        (f"王伟,{NUMBER},红,密接,2026-09-20", Fault.UNTIL),
        (f"王伟,{NUMBER},红,密接,2026-02-30", Fault.UNTIL),
        (f"王伟,{NUMBER},红,密接,45200", Fault.UNTIL),
        (f"王伟,{NUMBER},红,密接,9999-12-31", Fault.UNTIL),
        (f'王伟,"{NUMBER},红,密接,{UNTIL}', Fault.BROKEN),
        (f"王,伟,{NUMBER},红,密接,{UNTIL}", Fault.BROKEN),
        ("王" * (MAX_LINE + 1), Fault.TOO_LONG),
    ],
)
def test_a_bad_line_is_told_by_its_number_and_never_repeated(line: str, fault: Fault) -> None:
    """What is wrong in two languages; nothing of the person."""
    found = one(f"{line}\n")
    assert found == Bad(2, fault)
    assert NUMBER not in repr(found)
    assert (fault.zh.isascii(), fault.en.isascii() or "“" in fault.en) == (False, True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{NUMBER},2026/9/20 8:05,阴性,县医院", (1_789_862_700.0, True, "县医院")),
        (f"{NUMBER},2026年9月20日,阳性,", (1_789_833_600.0, False, "")),
        (f"{NUMBER},2026-09-20T08:05:09,negative", (1_789_862_709.0, True, "")),
    ],
)
def test_a_test_is_read(line: str, expected: tuple[float, bool, str]) -> None:
    """The time is China's; the laboratory may be left out."""
    found = one(f"{line}\n", TESTS)
    assert isinstance(found, TestLine)
    assert (found.taken_at, found.negative, found.lab) == expected


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f"{NUMBER},2026-09-20,待定,", Fault.RESULT),
        (f"{NUMBER},昨天,阴性,", Fault.TAKEN),
        (f"{NUMBER},2026-09-23,阴性,", Fault.TAKEN),
        (f"{NUMBER},2026-09-20 25:00,阴性,", Fault.TAKEN),
        (f"{NUMBER},2026-09-20,阴性,{'院' * 61}", Fault.LAB),
    ],
)
def test_a_bad_test_is_told(line: str, fault: Fault) -> None:
    """The same way."""
    assert one(f"{line}\n", TESTS) == Bad(2, fault)


def test_other_documents_are_named_and_the_same_person_stands_once() -> None:
    """A second line of one person would leave open which counts; of two tests both count."""
    head = "证件类型\t证件号码\t码色\t到期日\n"
    lines = [
        head,
        f"护照\tE1234567\t黄码\t{UNTIL}\n",
        "\n",
        f"护照\tｅ1234567\t绿码\t{UNTIL}\n",
        f"\t{NUMBER}\t绿\t{UNTIL}\n",
    ]
    found = list(read(lines, NOW))
    assert [each.line for each in found] == [2, 4, 5]
    assert found[0] == StatusLine(2, Document.PASSPORT, "E1234567", Status.YELLOW, Reason.OTHER, ENDS)
    assert found[1] == Bad(4, Fault.TWICE)
    tests = [TESTS, f"{NUMBER},2026-09-19,阴性,\n", f"{NUMBER},2026-09-20,阴性,\n", f"{NUMBER},2026-09-20,阳性,\n"]
    assert [type(each) for each in read(tests, NOW)] == [TestLine, TestLine, Bad]


@pytest.mark.parametrize("text", ["", "\n\n", "姓名,电话\n", "证件号码,码色\n", "证件号码,证件号,码色,到期日\n"])
def test_what_is_no_list_is_told_at_once(text: str) -> None:
    """The head says what the columns are."""
    with pytest.raises(Mistake):
        list(read(io.StringIO(text), NOW))


TEXT = f"{HEAD}王伟,{NUMBER},红,密接,{UNTIL}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16", "gb18030"])
def test_every_encoding_that_a_spreadsheet_saves_is_read(encoding: str) -> None:
    """Also with the line ends of Windows."""
    content = TEXT.replace("\n", "\r\n").encode(encoding)
    assert list(read(files.lines(io.BytesIO(content)), NOW)) == list(read(io.StringIO(TEXT), NOW))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04 a workbook", "CSV"),
        (b"\xd0\xcf\x11\xe0 an old one", "CSV"),
        (b"a,b\0c\n", "no text"),
        (b"\xef\xbb\xbf\xff\xff\n", "encoding"),
        (b"\xff\xff\xff\n", "UTF-8 or GBK"),
    ],
)
def test_what_is_no_text_is_told(content: bytes, told: str) -> None:
    """What to do, in a sentence."""
    with pytest.raises(Mistake, match=told):
        list(files.lines(io.BytesIO(content)))


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    """What is beyond a line's length is passed over; the next line is read."""
    content = f"{HEAD}{'x' * 1_000_000}\n王伟,{NUMBER},红,密接,{UNTIL}\n".encode()
    found = list(read(files.lines(io.BytesIO(content)), NOW))
    assert [type(each) for each in found] == [Bad, StatusLine]
    assert found[1].line == 3
    assert max(map(len, files.lines(io.BytesIO(content)))) <= MAX_LINE + 2


@given(st.lists(st.text(), max_size=5), st.sampled_from([HEAD, TESTS]))
def test_no_line_crashes_the_reader(lines: list[str], head: str) -> None:
    """Each is good, bad or blank."""
    assert all(isinstance(each, StatusLine | TestLine | Bad) for each in read([head, *lines], NOW))


@given(st.text())
def test_no_cell_crashes_its_cleaning(text: str) -> None:
    """Nor a time."""
    assert isinstance(clean(text), str)
    assert moment(text) is None or isinstance(moment(text), float)


def listing(*lines: str, head: str = HEAD) -> io.BytesIO:
    return io.BytesIO((head + "".join(f"{line}\n" for line in lines)).encode())


def take(site: Site, content: io.BytesIO, *, only_good: bool = False, now: float = NOW, size: int = 100) -> Import:
    run = Import(site.centre, OFFICE, lambda: now, Pace(size, sleep=lambda _: None))
    for _ in run.run(content, only_good=only_good):
        pass
    return run


def line(number: int, status: str = "红", until: str = UNTIL) -> str:
    return f"某人,{somebody(number).number},{status},密接,{until}"


@both
def test_a_list_marks_people_registered_or_not_and_twice_changes_nothing(site: Site) -> None:
    """Passes are withdrawn with it and the list is built; each person has a line in the audit."""
    one, two = registered(site, 1, 2)
    say(site, one, G, 30, now=NOW - 5)
    serial = issued(site, one)
    content = listing(line(1), line(2, "黄"), line(3))
    run = take(site, content, size=2)
    assert (run.taken.new, run.taken.known, run.taken.marked) == (3, 0, 1)
    assert (of(site, one), of(site, two)) == (R, Y)
    with site.centre.database.read() as session:
        newest = session.scalars(select(StatusListFiles).order_by(StatusListFiles.number.desc())).first()
        assert newest is not None
        assert StatusList(newest.snapshot).says(serial, NOW)
    again = take(site, content, now=NOW + 60)
    assert (again.taken.new, again.taken.known, again.taken.marked) == (0, 3, 0)
    with site.centre.database.look() as connection:
        lines = [(each.act, each.visitor) for each in audit.lines(connection) if each.actor == OFFICE.name]
    assert [act for act, _ in lines].count("status_set") == 3
    assert broken(site.centre.database, keyfile.load(site.centre.state).audit) == []
    assert of(site, registered(site, 3)[0]) is R  # who registers later is what the list said


@both
def test_nothing_is_taken_of_a_list_with_a_bad_line_unless_somebody_says_so(site: Site) -> None:
    """Then the good ones are."""
    content = listing(line(1), "某人,123,红,密接,2026-10-05", line(2))
    with pytest.raises(BadLines):
        take(site, content)
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(StatusEntry)) == 0
        assert session.scalar(select(func.count()).select_from(MarkedPerson)) == 0
    assert take(site, content, only_good=True).taken.new == 2


def test_what_somebody_took_back_stays_so_when_the_same_list_comes_again(site: Site) -> None:
    """It is counted and told; another last day is another word."""
    (one,) = registered(site, 1)
    take(site, listing(line(1)))
    take_back(site, one, NOW + 1)
    run = take(site, listing(line(1)), now=NOW + 2)
    assert (run.taken.known, run.taken.taken_back, of(site, one, NOW + 3) is R) == (1, 1, False)
    take(site, listing(line(1, until="2026-10-06")), now=NOW + 4)
    assert of(site, one, NOW + 5) is R


@both
def test_tests_come_as_a_list_too(site: Site) -> None:
    """A correction of one sample counts; the same again does not."""
    (one,) = registered(site, 1)
    for now, result, new in ((0, "阳性", 1), (1, "阳性", 0), (2, "阴性", 1)):
        run = take(site, listing(f"{NUMBER},2026-09-20 08:00,{result},县医院", head=TESTS), now=NOW + now)
        assert run.taken.new == new
        assert (of(site, one, NOW + now + 0.5) is R) == (result == "阳性")
    with site.centre.database.read() as session:
        assert session.scalar(select(func.count()).select_from(LabResult)) == 2


def test_a_list_that_was_cut_off_goes_on(site: Site) -> None:
    """Killed between two steps: run again, it takes the rest."""
    content = listing(*map(line, range(1, 8)))
    run = Import(site.centre, OFFICE, lambda: NOW, Pace(3, sleep=lambda _: None))
    steps: Iterator[int] = run.run(content)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    taken = take(site, content, now=NOW + 5).taken
    assert (taken.known, taken.new) == (3, 4)


def test_the_whole_way_at_a_terminal(site: Site, tmp_path: Path) -> None:
    """Bad lines to standard output with their numbers, in both languages, exit code 1; never what stands there."""
    state, path = site.centre.state.path, tmp_path / "list.csv"
    path.write_bytes((HEAD + f"王伟,{NUMBER},红,密接,2090-01-01\n").encode("gbk"))
    told = collector(state, "status", "import", str(path), "--reason", "notice 5")
    assert told.exit_code == 1
    assert told.stdout == f"2\t{Fault.UNTIL.zh}\t{Fault.UNTIL.en}\n"
    assert "nothing was taken" in told.stderr
    path.write_text(f"证件号码,采样时间,结果\n{NUMBER},{_yesterday()},阳性\n")
    assert collector(state, "status", "import", str(path), "--dry-run", "--reason", "notice 5").exit_code == 0
    done = collector(state, "status", "import", str(path), "--reason", "notice 5")
    assert (done.exit_code, "1 new, 0 known" in done.stderr) == (0, True), done.stderr
    (visitor,) = registered(site, 1)
    shown = collector(state, "status", "show", visitor, "--reason", "case 9").stdout
    assert "status\tred\nreason\ttest_positive\n" in shown
    assert collector(state, "status", "import", str(path)).exit_code == 2
    for said in (told, done):
        assert NUMBER not in said.stdout + said.stderr


def _yesterday() -> str:
    import time

    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))


@pytest.mark.stress
@pytest.mark.timeout(900)
@both
def test_a_hundred_thousand_lines_are_taken_in_bounded_memory(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """While others write in between; again it changes nothing."""
    import resource
    import time

    numbers = [_number(count) for count in range(100_000)]
    content = listing(*(f"某人,{number},红,密接,{UNTIL}" for number in numbers))
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    run = Import(site.centre, OFFICE, lambda: NOW)
    longest = 0.0
    for _ in run.run(content):
        asked = time.monotonic()
        with site.centre.database.change() as connection:
            connection.exec_driver_sql("UPDATE epoch SET began_at = began_at")
        longest = max(longest, time.monotonic() - asked)
    took = time.monotonic() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    with capsys.disabled():
        print(f"\n100,000 lines: {took:.0f} s, {grown:.0f} MB more, {longest * 1000:.0f} ms for a write beside it")
    assert run.taken.new == run.taken.marked == 100_000
    assert grown < 200
    assert take(site, content, now=NOW + 60, size=1_000).taken.known == 100_000


def _number(count: int) -> str:
    days = count // 1000
    head = f"11010519{50 + days // 28:02d}{days % 12 + 1:02d}{days % 28 + 1:02d}{count % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return head + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(head, weights, strict=True)) % 11]
