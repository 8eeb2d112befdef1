"""The saved pass: drawn once, read by a gate, withdrawn with its holder's status (R3, R6)."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from edge.trust import load
from hardware.ports import Frame
from hardware.symbols import CascadeReader
from sync.collector import languages
from sync.collector.passes import saved
from sync.collector.passes.saved import MOST_IN_FORCE, NotNow, TooMany
from sync.collector.privacy.access import personal
from sync.collector.visitors.model import IssuedPass
from sync.collector.visitors.status.fake import FakeStatusSource
from sync.collector.visitors.status.port import Health, Reason, Source
from sync.collector.visitors.status.register import Register
from sync.wire.passes import PassKind, Status
from sync.wire.policy import Policy
from sync.wire.record import Outcome
from tests.sync.collector.gateside import NOW, Site
from tests.sync.collector.people import CLERK, registered, somebody
from tests.sync.collector.phones import judged, town

DAY = 86_400
both = pytest.mark.parametrize("new_state", ["sqlite", "postgresql"], indirect=True)
IMAGE = re.compile(r'src="data:image/png;base64,([^"]+)"')


def read(picture: bytes) -> str:
    """As a gate reads a phone that shows it."""
    with Image.open(BytesIO(picture)) as drawn:
        assert drawn.width == 1080
        luma = np.asarray(drawn.convert("L").resize((405, drawn.height * 3 // 8)))
    (symbol,) = CascadeReader().read(Frame(luma, 1, 0.0)).symbols
    return symbol.text


@both
def test_a_saved_pass_opens_until_its_holders_status_changes(site: Site) -> None:
    """From the picture, through the gate's reader; red is on the list that the next updates bring."""
    here = town(site)
    (visitor,) = registered(site, 1)
    source = FakeStatusSource.saying({visitor: Status.GREEN}, NOW)
    made = saved.issue(site.centre, source, visitor, somebody(1), NOW)
    for language in ("zh", "en"):
        with languages.spoken(language):
            picture = saved.picture(made)
        assert read(picture) == made.text
        assert len(picture) < 60_000
    assert judged(here, made.text, policy=Policy())[0] is Outcome.PASS
    with personal(site.centre, CLERK, NOW) as access:
        Register(site.centre.settings.status).set(access, visitor, Status.RED, Reason.CONFIRMED, NOW + DAY)
    assert load(site.gate().files).withdrawn.lists(made.claims.serial, NOW)
    with pytest.raises(NotNow):
        saved.issue(site.centre, source, visitor, somebody(1), NOW)  # the source had not heard of it


def test_who_is_not_green_saves_nothing_and_nobody_saves_without_end(site: Site) -> None:
    """Yellow; a green that ends within the hour; one of two days lasts two days; ten in force are enough."""
    (visitor,) = registered(site, 1)

    def save(status: Status, until: float | None = None) -> saved.Saved:
        health = Health(status, Reason.CHECKED, Source.REGISTER, NOW, until=until)
        return saved.issue(site.centre, FakeStatusSource({visitor: health}), visitor, somebody(1), NOW)

    for status, until in ((Status.YELLOW, None), (Status.GREEN, NOW + 600)):
        with pytest.raises(NotNow):
            save(status, until)
    assert save(Status.GREEN, NOW + 2 * DAY).claims.expires_at == NOW + 2 * DAY
    made = [save(Status.GREEN) for _ in range(MOST_IN_FORCE - 1)]
    assert {each.claims.expires_at for each in made} == {NOW + 7 * DAY}
    with pytest.raises(TooMany):
        save(Status.GREEN)
    with site.centre.database.read() as session:
        assert len(session.scalars(select(IssuedPass.serial)).all()) == MOST_IN_FORCE


def test_from_the_phones_page_to_the_gate(site: Site) -> None:
    """The owner's phone alone; a strange one is led to the registration; the kept page holds nothing of anybody."""
    here = town(site)
    phone = here.phone().register(1)
    page = phone.go("/phone/saved").go("/phone/saved", {})
    assert page.status == 200
    found = IMAGE.search(page.raw)
    assert found
    text = read(b64decode(found[1]))
    assert judged(here, text)[0] is Outcome.PASS
    assert somebody(1).name not in page.raw
    assert len(page.raw) < 100_000
    with site.centre.database.read() as session:
        assert session.scalars(select(IssuedPass.kind)).all() == [int(PassKind.SAVED)]
    stranger = here.phone()
    assert stranger.go("/phone/saved").where == "/phone"
    assert stranger.go("/phone/saved/kept").status == 200
    here.says(1, Status.RED)
    assert "现在不能保存" in phone.go("/phone/saved").go("/phone/saved", {}).words
    for path in ("/phone/saved/worker.js", "/phone/saved/app.webmanifest"):
        assert stranger.go(path).status == 200


def test_a_phone_that_may_not_show_the_colour_saves_nothing(site: Site) -> None:
    """Whoever typed somebody else's number has not got their pass."""
    here = town(site, colour_needs="document")
    phone = here.phone().register(1)
    assert "证件核验以后才能保存" in phone.go("/phone/saved").words
    phone.go("/phone").go("/phone/saved", {})
    assert IMAGE.search(phone.raw) is None
    with site.centre.database.read() as session:
        assert session.scalars(select(IssuedPass.kind)).all() == []
