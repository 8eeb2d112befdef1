"""The centre's keys roll, are withdrawn, are lost and come back, and what a gate believes then (R25, DESIGN 4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import credentials
from edge.trust import Trust
from edge.verify import Genuine, NotGenuine, Verification, verify
from sync.collector.centre import Centre
from sync.collector.ceremonies import lists, rolls
from sync.collector.ceremonies.lists import State, standings
from sync.collector.cli import main
from sync.collector.errors import Mistake
from sync.collector.keys import KEY_LIST, CentreKeys, NoKey, read
from sync.collector.privacy.audit import Actor
from sync.installer import install
from sync.wire.errors import WireError
from sync.wire.keys import Purpose, SigningKey, key_id
from sync.wire.passes import PassClaims, PassKind, Status, issue
from sync.wire.record import ClockQuality, Moment
from sync.wire.updates import KeyEntry
from tests.sync.collector.gateside import NOW, Gate, Served, Site
from tests.sync.collector.processes import collector

IT = Actor("login it", "test")
DAY = 86_400


def pass_by(key: SigningKey, issued_at: int, serial: int = 1) -> str:
    """The text of a green pass."""
    claims = PassClaims(
        issuer="VG",
        issued_at=issued_at,
        expires_at=issued_at + 30 * DAY,
        serial=serial.to_bytes(12, "big"),
        kind=PassKind.SAVED,
        status=Status.GREEN,
        status_at=issued_at,
        venue=1,
        checkpoint=1,
    )
    return issue(claims, key)


class AtTheGate:
    """A gate that gets its updates from the centre, and judges by its own trust."""

    def __init__(self, served: Served, gate: Gate) -> None:
        self.served, self.gate, self.trust = served, gate, Trust(gate.files)
        self.trust.refresh()

    def contact(self) -> None:
        """One exchange; newer updates are installed as gate-sync does."""
        assert self.trust.in_force is not None
        self.gate.have = self.trust.in_force.order
        answer = self.served.post(self.gate.batch(1, [])).answer()
        if answer.updates:
            root = bytes.fromhex(self.gate.files.root_key.read_text())
            install(self.gate.files, answer.updates, root, self.gate.have, self.trust.in_force.keys_issued_at)
        self.trust.refresh()
        assert self.trust.trouble is None
        self.receipt = answer.receipt

    def judge(self, text: str, at: float = NOW) -> Verification:
        """What the gate makes of a pass."""
        now = Moment(at, "b" * 36, 100.0, ClockQuality.SYNCHRONIZED, 0.1)
        return verify(credentials.read(text), self.trust.in_force, now)

    def believes(self, text: str, at: float = NOW) -> bool:
        return isinstance(self.judge(text, at), Genuine)

    def refuses(self, text: str) -> str:
        told = self.judge(text)
        assert isinstance(told, NotGenuine)
        return told.reason


@pytest.fixture
def there(served: Served, gate: Gate) -> AtTheGate:
    return AtTheGate(served, gate)


def signer(centre: Centre, purpose: Purpose, at: float = NOW) -> SigningKey:
    return centre.keys.current().signer(purpose, at)


def begin_next(site: Site, purpose: Purpose, begins_at: int, now: int = int(NOW)) -> bytes:
    """The next key is published; its kid."""
    made = rolls.next_key(site.centre, purpose, site.centre.state.root, begins_at, IT, now)
    return bytes.fromhex(made.kid)


def withdraw(site: Site, key: SigningKey, **options: int) -> str | None:
    return rolls.withdraw(site.centre, key.kid.hex(), site.centre.state.root, IT, int(NOW), **options)


def test_a_stolen_receipt_key_makes_no_pass(site: Site, there: AtTheGate) -> None:
    """Nor does any other: each key is for one purpose, and the root's list says for which."""
    for purpose in (Purpose.RECEIPT, Purpose.UPDATE):
        stolen = signer(site.centre, purpose)
        forged = pass_by(SigningKey(stolen.private, Purpose.PASS), int(NOW))
        assert there.refuses(forged) == "wrong_purpose"
    assert there.believes(pass_by(signer(site.centre, Purpose.PASS), int(NOW)))


def test_a_stolen_pass_key_is_withdrawn_at_the_gate_with_its_next_update(site: Site, there: AtTheGate) -> None:
    """The thief's passes are refused whatever date they bear; those of the key before and of the key after are good."""
    before = signer(site.centre, Purpose.PASS)
    begin_next(site, Purpose.PASS, int(NOW) - 10, int(NOW) - 20)
    stolen = signer(site.centre, Purpose.PASS)
    assert stolen.kid != before.kid
    there.contact()
    old, thiefs, backdated = (
        pass_by(before, int(NOW) - 100),
        pass_by(stolen, int(NOW)),
        pass_by(stolen, int(NOW) - 5),
    )
    assert all(there.believes(text) for text in (old, thiefs, backdated))
    made = withdraw(site, stolen)
    assert there.believes(thiefs)  # until the update comes
    there.contact()
    assert there.refuses(thiefs) == there.refuses(backdated) == "key_not_valid"
    fresh = signer(site.centre, Purpose.PASS)
    assert fresh.kid.hex() == made
    assert there.believes(pass_by(fresh, int(NOW)))
    assert there.believes(old)


def test_a_lost_key_may_be_believed_in_what_it_signed_before(site: Site, there: AtTheGate) -> None:
    """Nobody need fetch a new pass, where the key was lost and not stolen."""
    lost = signer(site.centre, Purpose.PASS)
    withdraw(site, lost, issued_until=int(NOW) - 50)
    there.contact()
    assert there.believes(pass_by(lost, int(NOW) - 100))
    assert there.refuses(pass_by(lost, int(NOW))) == "key_not_valid"


@pytest.mark.parametrize("purpose", [Purpose.RECEIPT, Purpose.UPDATE, Purpose.SEAL])
def test_each_other_key_is_withdrawn_while_the_centre_and_its_gates_go_on(
    site: Site, there: AtTheGate, purpose: Purpose
) -> None:
    """In one exchange the gate learns of the new key and believes it; what was sealed before still opens."""
    held = site.centre.keys.current()
    kid = key_id(next(entry for entry in held.listed.keys if entry.purpose is purpose).public)
    sealed_before = there.gate.batch(1, [there.gate.record(1)])
    assert rolls.withdraw(site.centre, kid.hex(), site.centre.state.root, IT, int(NOW)) is not None
    there.contact()
    there.gate.snapshot = there.trust.in_force  # type: ignore[assignment]
    receipt = there.gate.receipt(there.served.post(sealed_before).answer())
    assert receipt.next == 2
    assert there.gate.receipt(there.served.post(there.gate.batch(2, [there.gate.record(2)])).answer()).next == 3


def test_the_next_key_is_known_to_gates_before_it_is_used(serve: Callable[..., Served], site: Site, gate: Gate) -> None:
    """A gate that got updates within those days believes it without another one, the centre uses it by itself."""
    clock = [NOW]
    there = AtTheGate(serve(lambda: clock[0]), gate)
    old = signer(site.centre, Purpose.PASS)
    kids = {purpose: begin_next(site, purpose, int(NOW) + 7 * DAY) for purpose in (Purpose.PASS, Purpose.RECEIPT)}
    there.contact()
    order = there.trust.in_force.order  # type: ignore[union-attr]
    assert signer(site.centre, Purpose.PASS).kid == old.kid
    clock[0] = NOW + 7 * DAY + 1
    new = signer(site.centre, Purpose.PASS, clock[0])
    assert new.kid == kids[Purpose.PASS]
    assert there.believes(pass_by(new, int(clock[0])), clock[0])
    assert there.refuses(pass_by(old, int(clock[0]))) == "key_not_valid"
    assert there.believes(pass_by(old, int(NOW)), clock[0])
    there.gate.snapshot = there.trust.in_force  # type: ignore[assignment]
    there.gate.have = (10**6, 1)
    assert there.gate.receipt(there.served.post(there.gate.batch(1, [there.gate.record(1)])).answer()).next == 2
    assert there.trust.in_force.order == order  # type: ignore[union-attr]


def test_a_second_next_key_of_one_purpose_waits_its_turn(site: Site) -> None:
    """Nothing half done on top of something half done."""
    begin_next(site, Purpose.PASS, int(NOW) + DAY)
    with pytest.raises(Mistake, match="already"):
        begin_next(site, Purpose.PASS, int(NOW) + 2 * DAY)
    begin_next(site, Purpose.SEAL, int(NOW) + DAY)


def test_a_withdrawn_next_key_leaves_the_one_of_today_in_use(site: Site) -> None:
    """It has not ended yet, and so it goes on: no purpose is ever without a key."""
    today = signer(site.centre, Purpose.PASS)
    kid = begin_next(site, Purpose.PASS, int(NOW) + DAY)
    assert rolls.withdraw(site.centre, kid.hex(), site.centre.state.root, IT, int(NOW)) is None
    assert signer(site.centre, Purpose.PASS, NOW + 365 * DAY).kid == today.kid


def test_a_key_in_use_is_replaced_at_once_although_the_next_one_is_published(site: Site) -> None:
    """The next one keeps its day, for gates that know of it."""
    kid = begin_next(site, Purpose.PASS, int(NOW) + DAY)
    made = withdraw(site, signer(site.centre, Purpose.PASS))
    assert signer(site.centre, Purpose.PASS).kid.hex() == made
    assert signer(site.centre, Purpose.PASS, NOW + 2 * DAY).kid == kid


def test_nobody_brings_a_withdrawn_key_back_with_an_older_list(site: Site, there: AtTheGate) -> None:
    """A thief with the update key too: his manifest is newer, and the list in it older. Neither program takes it."""
    stolen = signer(site.centre, Purpose.PASS)
    stale = site.centre.keys.current().key_list
    withdraw(site, stolen)
    there.contact()
    from sync.wire.policy import Policy
    from sync.wire.updates import build

    assert there.trust.in_force is not None
    order = (there.trust.in_force.order[0], there.trust.in_force.order[1] + 1)
    files = build(stale, Policy(), there.trust.in_force.venue, order, int(NOW) + 9, signer(site.centre, Purpose.UPDATE))
    root = bytes.fromhex(there.gate.files.root_key.read_text())
    with pytest.raises(WireError, match="older"):
        install(there.gate.files, files, root, there.trust.in_force.order, there.trust.in_force.keys_issued_at)
    install(there.gate.files, files, root, there.trust.in_force.order)  # past gate-sync, by whoever broke into it
    there.trust.refresh()
    assert there.trust.trouble is not None
    assert there.refuses(pass_by(stolen, int(NOW))) == "key_not_valid"


@pytest.mark.parametrize("ceremony", ["next", "withdraw", "renew"])
@pytest.mark.parametrize("moment", range(2))
def test_a_ceremony_cut_short_leaves_the_old_list_or_the_new_one(
    site: Site, monkeypatch: pytest.MonkeyPatch, ceremony: str, moment: int
) -> None:
    """Before the list is written, and right after; run again, it comes to its end. What was in use signs meanwhile."""

    class Killed(BaseException):
        """kill -9."""

    def killed(*arguments: object, **options: object) -> None:
        if moment:
            real(*arguments, **options)  # type: ignore[arg-type]
        raise Killed

    real = rolls.replace_file
    old = (site.centre.state.keys / KEY_LIST).read_bytes()
    key = signer(site.centre, Purpose.PASS)
    act = {
        "next": lambda: begin_next(site, Purpose.PASS, int(NOW) + DAY),
        "withdraw": lambda: withdraw(site, key),
        "renew": lambda: rolls.renew(site.centre, site.centre.state.root, IT, int(NOW)),
    }[ceremony]
    monkeypatch.setattr(rolls, "replace_file", killed)
    with pytest.raises(Killed):
        act()
    monkeypatch.undo()
    assert ((site.centre.state.keys / KEY_LIST).read_bytes() == old) is (moment == 0)
    reread = CentreKeys(site.centre.state).current()
    for purpose in (Purpose.PASS, Purpose.UPDATE, Purpose.RECEIPT):
        assert reread.signer(purpose, NOW)
    if moment == 0:
        act()
    assert site.centre.keys.current().listed.number == 2


def test_a_list_that_cannot_be_read_leaves_a_running_centre_its_keys(site: Site) -> None:
    """A damaged file is told in the log; intake goes on."""
    key = signer(site.centre, Purpose.RECEIPT)
    (site.centre.state.keys / KEY_LIST).write_bytes(b"damaged")
    assert signer(site.centre, Purpose.RECEIPT).kid == key.kid


def test_a_private_key_that_no_list_names_signs_nothing(site: Site) -> None:
    """What an interrupted ceremony drew is only a file."""
    from sync.collector.keys import draw

    public = draw(site.centre.state, Purpose.PASS)
    held = read(site.centre.state)
    assert held.signer(Purpose.PASS, NOW).public != public
    with pytest.raises(NoKey):
        held.signer(Purpose.ROOT, NOW)


def test_without_the_stick_nothing_is_signed_and_another_towns_root_is_refused(site: Site, tmp_path: Path) -> None:
    """The sentence says where it was looked for, and how it comes back."""
    (site.centre.state.root / "root.key").rename(tmp_path / "root.key")
    with pytest.raises(Mistake, match="restore"):
        begin_next(site, Purpose.PASS, int(NOW))
    (site.centre.state.root / "root.key").write_text("ab" * 32)
    with pytest.raises(Mistake, match="another root"):
        begin_next(site, Purpose.PASS, int(NOW))
    rolls.next_key(site.centre, Purpose.PASS, tmp_path, int(NOW), IT, int(NOW))


def keys(state: Path, *arguments: str, typed: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["--state", str(state), "keys", *arguments], input=typed)
    return done.exit_code, done.stdout, done.stderr


def test_a_lost_stick_comes_back_from_the_words_byte_for_byte(site: Site, tmp_path: Path) -> None:
    """Written down, the stick lost, typed in on another day; a wrong word is named, exchanged ones are found out."""
    state = site.centre.state
    was = (state.root / "root.key").read_bytes()
    why = ("--reason", "yearly")
    code, printed, _ = keys(state.path, "root", "words", "--yes", *why)
    words = [line.split()[1] for line in printed.splitlines()]
    assert (code, len(words)) == (0, 24)
    assert keys(state.path, "root", "remove", "--yes", "--copy", str(tmp_path / "none"), *why)[0] == 1
    assert keys(state.path, "root", "copy", str(tmp_path / "stick"), "--yes", *why)[0] == 0
    assert keys(state.path, "root", "remove", "--yes", "--copy", str(state.root), *why)[0] == 1
    assert keys(state.path, "root", "remove", "--yes", "--copy", str(tmp_path / "stick"), *why)[0] == 0
    assert not (state.root / "root.key").exists()
    assert "elsewhere" in keys(state.path, "show")[2]
    back = tmp_path / "back"
    for typed, said in (
        (["abandon"] * 23, "24 words"),
        ([*words[:5], "zzz", *words[6:]], "word 6"),
        ([words[1], words[0], *words[2:]], "checksum"),
        ((["abandon"] * 23 + ["art"]), "another key"),
    ):
        code, _, told = keys(state.path, "root", "restore", str(back), *why, typed=" ".join(typed) + "\n")
        assert (code, said in told, back.exists()) == (1, True, False), told
    assert keys(state.path, "root", "restore", str(back), *why, typed=" ".join(words).upper() + "\n")[0] == 0
    assert (back / "root.key").read_bytes() == was
    assert keys(state.path, "next", "pass", "--yes", *why)[0] == 1
    assert keys(state.path, "next", "pass", "--yes", "--root", str(back), *why)[0] == 0
    audit = collector(state.path, "privacy", "audit").stdout
    for act in ("root_words", "root_copy", "root_remove", "root_restore", "keys_next"):
        assert act in audit


def test_each_ceremony_explains_itself_and_asks_first(site: Site) -> None:
    """What it does, what to have at hand, what comes next; "no" changes nothing."""
    state = site.centre.state
    before = (state.keys / KEY_LIST).read_bytes()
    for command in (["next", "pass"], ["withdraw", "0000"], ["renew"], ["root", "words"], ["root", "copy", "/x"]):
        code, out, told = keys(state.path, *command, "--reason", "try", typed="n\n")
        assert code == 1
        assert not out
        for head in ("What this does:", "Have at hand:", "Afterwards:"):
            assert head in told
    assert (state.keys / KEY_LIST).read_bytes() == before
    assert "names 4 keys" not in keys(state.path, "withdraw", "0", "--yes", "--reason", "x")[2]


def test_the_list_of_keys_reads_like_the_truth(site: Site) -> None:
    """In use, next, ended, withdrawn; and the root key that devices are installed with."""
    now = int(time.time())
    kid = begin_next(site, Purpose.PASS, now + DAY, now)
    _, out, _ = keys(site.centre.state.path, "show")
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["root key", site.centre.keys.current().root_public.hex()]
    assert [(row[0], row[4]) for row in rows[2:]] == [
        *(("pass", "in use"), ("update", "in use"), ("receipt", "in use"), ("seal", "in use")),
        ("pass", "next"),
    ]
    assert keys(site.centre.state.path, "withdraw", kid.hex()[:6], "--yes", "--reason", "lost")[0] == 0
    assert "withdrawn" in keys(site.centre.state.path, "show")[1]


Move = st.tuples(st.sampled_from(["next", "withdraw", "replace"]), st.integers(0, 40), st.integers(0, 5))


@settings(deadline=None, max_examples=60)
@given(st.lists(Move, max_size=12))
def test_at_no_moment_do_two_keys_sign_and_a_withdrawn_one_never_does(moves: list[tuple[str, int, int]]) -> None:
    """Whatever ceremonies follow each other: each moment has one key in use, or none is left that is believed."""
    entries: tuple[KeyEntry, ...] = (KeyEntry(bytes(32), Purpose.PASS),)
    gone: set[bytes] = set()
    now = 1_000
    for number, (act, days, which) in enumerate(moves, 1):
        public = number.to_bytes(32, "big")
        now += 10
        if act == "next" and not any(each.state is State.NEXT for each in standings(entries, now)):
            entries = lists.with_next(entries, public, Purpose.PASS, now + days, now)
        elif act == "withdraw":
            gone.add(entries[which % len(entries)].public)
            entries = lists.without(entries, key_id(entries[which % len(entries)].public), now)
        if not lists.good(entries, Purpose.PASS, now):
            entries = lists.with_replacement(entries, public[::-1], Purpose.PASS, now)
        for at in range(now, now + 60):
            in_use = [each for each in standings(entries, at) if each.state is State.IN_USE]
            assert len(in_use) == 1
            assert in_use[0].entry.public not in gone
