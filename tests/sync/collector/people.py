"""People who do not exist, for tests of the centre; and whoever looks at them."""

from __future__ import annotations

from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Actor
from sync.collector.visitors import registry
from sync.collector.visitors.identity import Document, Person, person
from tests.sync.collector.gateside import NOW, Site

CLERK = Actor("login clerk", "case 7")


def somebody(number: int) -> Person:
    """The person of that number (below 10,000); their data is in no other."""
    head = f"110105199003{number % 28 + 1:02d}{number % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    last = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(head, weights, strict=True)) % 11]
    return person(f"欧阳试验{number}号", Document.RESIDENT, head + last, f"1390000{number:04d}")


def registered(site: Site, *numbers: int) -> list[str]:
    """The ids of people who registered just now."""
    ids = []
    for number in numbers:
        with personal(site.centre, CLERK, NOW) as access:
            ids.append(registry.register(access, somebody(number)).id)
    return ids
