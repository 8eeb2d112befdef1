"""Making one's own account (R11: any manager of a place may): a link to the phone or mailbox that becomes the login.

Nothing is kept of somebody who only asked: name and address travel inside the link, sealed. The answer on the page
never says whether there is an account of that login; whoever owns the address is told.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata

import msgspec

from sync.collector import languages
from sync.collector.accounts import limits, passwords, service
from sync.collector.accounts.forgotten import Post
from sync.collector.accounts.limits import ADDRESS, LINK
from sync.collector.accounts.model import Account
from sync.collector.accounts.secrets import AccountKey, AccountKeyTrouble
from sync.collector.accounts.service import LINK_SECONDS
from sync.collector.centre import Centre
from sync.collector.errors import Mistake
from sync.collector.languages import translate as _
from sync.collector.messages import addresses
from sync.collector.privacy.access import personal
from sync.collector.privacy.audit import Act, Actor
from sync.collector.venues.service import checked_name
from sync.wire import jsonform
from sync.wire.errors import WireError

_BOUND = "sign-up"
_MAX_TOKEN = 2_000
_LONGEST_SECONDS = LINK_SECONDS + 300  # a link that ends later is of a clock that was wrong


class NoWay(Mistake):
    """This centre cannot send to such an address."""


class Applicant(msgspec.Struct, frozen=True):
    """Who asked for an account. address: as `addresses.normalized` gives it. until: seconds since 1970."""

    login: str
    name: str
    address: str
    language: str
    until: float


def is_offered(centre: Centre) -> bool:
    """Whether people may make their own account here: the town lets them, and messages have a way out."""
    settings = centre.settings
    has_way = settings.mail or settings.sms or settings.messages.directory
    return settings.venues.sign_up and bool(has_way)


def ask(
    centre: Centre, key: AccountKey, name: str, contact: str, language: str, sender: str, now: float, post: Post
) -> float:
    """Post a link to that address; 0, or how many seconds still nothing is sent. sender: where the request came from.

    Raises Mistake for a name or address that is none, NoWay.
    """
    address = _reachable(centre, contact)
    login = service.checked_login(_login_of(address))
    applicant = Applicant(login, checked_name(name), address, language, now + LINK_SECONDS)
    asked = [
        (key.hash("tally", "sign up", login), LINK),
        (key.hash("tally", "sign up from", limits.network(sender)), ADDRESS),
    ]
    with centre.database.write() as session:
        wait = limits.count(session, asked, now)
        if wait > 0:
            return wait
        is_known = service.known(session, login) is not None
        with languages.speaking(language):
            text = (
                _("您已有账户，登录名是 %(login)s。忘记密码请在登录页面选择“忘记密码”。", login=login)
                if is_known
                else _(
                    "请打开链接，设置密码，完成注册。链接 24 小时内有效：%(link)s 不是您本人请忽略。",
                    link=f"{centre.address}/join/{_sealed(key, applicant)}",
                )
            )
            post(session, address, _("注册账户"), text, now, applicant.until)
    return 0.0


def applicant(key: AccountKey, token: str, now: float) -> Applicant | None:
    """Whose link that is; None for one that is none of ours, or too old."""
    if len(token) > _MAX_TOKEN or not token.isascii():
        return None
    try:
        opened = key.open(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), _BOUND)
        found = jsonform.decode(opened, Applicant, "a link")
    except (AccountKeyTrouble, WireError, binascii.Error):
        return None
    return found if now < found.until <= now + _LONGEST_SECONDS else None


def join(centre: Centre, key: AccountKey, who: Applicant, password: str, now: float) -> Account:
    """The account, with its password; a link that was used finds its login taken. Raises LoginTaken."""
    kept = passwords.hashed(password)
    with personal(centre, Actor("sign-up", "signed up"), now) as access:
        account = service.create(access.session, who.login, who.name, now, who.language)
        service.set_address(account, key, who.address)
        account.password = kept
        access.note(Act.ACCOUNT, detail=account.named)
    return account


def _login_of(address: str) -> str:
    """The mailbox, or the number as it is dialled here: one from abroad is not taken for a mainland one."""
    value = addresses.national(address.partition(":")[2]).lower()
    return f"00{value[1:]}" if value.startswith("+") else value


def _sealed(key: AccountKey, who: Applicant) -> str:
    return base64.urlsafe_b64encode(key.seal(jsonform.encode(who), _BOUND)).decode().rstrip("=")


def _reachable(centre: Centre, contact: str) -> str:
    try:
        address = addresses.normalized("".join(unicodedata.normalize("NFKC", contact).split()))
    except Mistake as cause:
        raise service.BadAddress(str(cause)) from cause
    settings = centre.settings
    way = settings.mail if address.startswith(addresses.MAIL) else settings.sms
    if way is None and settings.messages.directory is None:
        raise NoWay(f"no message leaves this centre by {address.partition(':')[0]}")
    return address
