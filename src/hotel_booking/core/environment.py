"""The environment, read into settings. Unsafe or contradictory ones refuse to start, all named at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import get_args, get_origin
from urllib.parse import quote

import msgspec

from hotel_booking.core.config import Settings
from hotel_booking.core.setting import ConfigError, Setting, declared
from hotel_booking.core.setting_files import ADDRESSES, surely_quoted, with_files
from hotel_booking.core.unsafe_settings import is_address, problems_of

# Read by the command line and the tests, not by the application.
OTHERS = {
    "HOTEL_DATA_DIR": "the demo's folder, for commands without `--data-dir`",
    "HOTEL_POSTGRES_BIN": (
        "the folder of the PostgreSQL that the demo, replays and tests start; else the one that comes with"
        " the package, else an installed one"
    ),
    "HOTEL_OPS_DIR": (
        "where `hotel-booking ops` keeps evidence, passes and locks; else `/var/lib/hotel-booking/ops`, or"
        " `~/.local/state/hotel-booking/ops` for who cannot write there"
    ),
    "HOTEL_SECRET_KEY_BEFORE": (
        "the key before, for `hotel-booking staff reencrypt` after `HOTEL_SECRET_KEY` was changed"
    ),
    "HOTEL_BACKUP_KEY": (
        "what backups are encrypted with, at least 16 characters: keep it where the backups are not. Unset:"
        " `hotel-booking backup FILE` does not encrypt, and `hotel-booking ops backup` refuses"
    ),
    "HOTEL_BACKUP_KEY_FILE": "a file that says it",
    "HOTEL_BACKUP_ENGINE": (
        "what keeps the backups: `pgbackrest` (PostgreSQL on this machine), `rds` (AWS's snapshots),"
        " or `dump` (any that is reached)"
    ),
    "HOTEL_BACKUP_STORE": "where: a folder, or `s3://bucket/folder`, reached as photos' bucket is",
    "HOTEL_CONFIGURATION_FOLDERS": (
        "folders whose files are backed up as configuration, with `:` between, beside the release's"
        " `deployment/monitoring`; of what lies in one called `secrets` no more than that it has changed"
    ),
    "HOTEL_DATABASE_HOME": "`pgbackrest`: the folder below which PostgreSQL's instances are",
    "HOTEL_DATABASE_LISTEN": "`pgbackrest`: the addresses that PostgreSQL listens at; else `localhost`",
    "HOTEL_WAL_FOLDER": (
        "`pgbackrest`: another disk or machine, on which each commit waits for its WAL (the zero-loss mode)"
    ),
    "HOTEL_STAGING_DATABASE_URL": "staging's database, which `ops backup restore ID staging` replaces",
    "HOTEL_APPROVAL": "the file of another person's approval: production is restored, or dr takes over",
    "HOTEL_OPERATOR": "who runs `hotel-booking ops`, as the audit log tells it beside the machine's user",
    "HOTEL_RDS_INSTANCE": "the RDS instance whose snapshots are the backups, where `DB_HOST` does not say",
    "HOTEL_RDS_REGION": "its region, where `DB_HOST` does not say",
    "HOTEL_RDS_COPIES": "the region that its snapshots are copied to; else they are not",
    "HOTEL_RDS_COPIES_KEY": "the KMS key there that copies of encrypted snapshots need",
    "HOTEL_STANDBY": "the standby that `ops dr restore` is about, where `--environment` does not say",
    "HOTEL_PRODUCTION_IS_LOST": "`yes`: `ops dr restore` goes on although production's database answers",
    "HOTEL_ACCEPTED_LOSS_SECONDS": "how much `ops dr restore` may lose, where it is more than five minutes",
    "HOTEL_DATA_IS_BACK": "`yes`: `ops dr dns --target primary` goes on although the standby was promoted",
    "HOTEL_DNS_TARGET": "the region that `ops dr dns` has guests reach, where `--target` does not say",
    "HOTEL_DNS_RESOLVERS": "whom `ops dr dns` asks; else 1.1.1.1, 8.8.8.8 and 9.9.9.9",
    "HOTEL_CLOUDFLARE_URL": "CloudFlare's API, where `ops dr dns` asks another than its own",
    "HOTEL_STANDBY_URL": "the replica that `hotel-booking ops dr promote` makes the primary, as a superuser",
    "HOTEL_RELEASE": "the release that `hotel-booking ops` is about, where `--release` does not say",
    "HOTEL_INGRESS": (
        "where `hotel-booking ops` reaches the gateway (`https://ADDRESS:PORT`), if not where the site's name"
        " leads"
    ),
    "HOTEL_INCIDENT": "the incident that `ops isolate` and `ops evidence` are for, without `--incident`",
    "HOTEL_REASON": (
        "why an emergency deployment cannot wait, or something is isolated, where `--reason` does not say"
    ),
    "HOTEL_APPROVER": "who has approved it, where `--approver` does not say",
    "HOTEL_REPOSITORY": "the clone that `hotel-booking ops` commits releases from; else its own",
    "HOTEL_EVIDENCE_KEY": "the private key that `hotel-booking ops evidence sign` and `collect` sign with",
    "HOTEL_EVIDENCE_SIGNERS": "the file of those whose evidence counts; else the release's own",
    "HOTEL_ACCESS_DATABASE_URL": (
        "the database as hotel_access_keeper, by which `hotel-booking ops access` gives logins and takes them"
        " back"
    ),
    "HOTEL_ACCESS_PASSWORD": (
        "the password that `hotel-booking ops access prepare` gives hotel_access_keeper; else one is made, or"
        " stays"
    ),
    "HOTEL_ACCESS_AWS_ROLE": (
        "the role of AWS that a session of access is of, with `{role}` for the name of ours:"
        " `arn:aws:iam::111122223333:role/hotel-booking-production-access-{role}`; without it none is given"
    ),
    "HOTEL_ACCESS_APPROVAL": "the line by which somebody else approved what `grant-access.sh` is asked for",
    "HOTEL_ACCESS_APPROVERS": "the file of those who may approve access; else the release's own",
    "HOTEL_ACCESS_KEY": "the private key that `hotel-booking ops access approve` signs with",
    "HOTEL_ACCESS_REASON": "why access is asked for, where `--reason` does not say",
    "HOTEL_INVOKED_AS": "set by the wrappers in deployment/scripts: what was typed, for messages",
    "HOTEL_API_KEY": "the key of `hotel-booking replay --http`",
    "HOTEL_TEST_CLIENTS": "1: the tests of the generated clients run (`make clients` sets it)",
    "HOTEL_SHARED_DATA": "where tests find the large data sets",
    "HOTEL_TEST_REDIS_URL": "the Redis that tests use",
    "HOTEL_SCREENSHOTS": "`1`: browser tests keep a picture of every page in `screenshots/`",
}


_NAMED = re.compile(r"\bHOTEL_\w+")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that the environment names. Raises `ConfigError` listing every problem."""
    problems: list[str] = []
    settings = {setting.variable: setting for setting in declared(Settings)}
    environ = with_files(environ, [*settings, *ADDRESSES], problems)
    for variable in [name for name in (*settings, *ADDRESSES) if surely_quoted(name, environ.get(name, ""))]:
        problems.append(f"{variable} has quotes around it, which are part of it: take them away")
        environ[variable] = environ[variable][1:-1]  # what else is wrong with it is said too
    values: dict[str, object] = {}
    if environ.get("HOTEL_ENVIRONMENT") in ("demo", "test"):
        values |= {setting.name: setting.demo for setting in settings.values()}
    for variable, text in environ.items():
        if setting := settings.get(variable):
            values[setting.name] = _read(setting, text, problems)
        elif variable.startswith("HOTEL_") and variable not in OTHERS:
            near = difflib.get_close_matches(variable, [*settings, *OTHERS], n=1)
            problems.append(f"{variable} is unknown" + (f": did you mean {near[0]}?" if near else ""))
    if database := _database_url(environ, problems):
        values["database_url"] = database
    values["read_database_url"] = _read_database_url(environ, problems)
    values["redis_url"] = _redis_url(environ, problems)
    if problems:
        raise ConfigError([*problems, *_further(values, problems)])
    read = Settings(**values)  # type: ignore[arg-type]  # each was made into its type
    if problems := problems_of(read):
        raise ConfigError(problems)
    return read


def _further(values: Mapping[str, object], problems: Sequence[str]) -> list[str]:
    """What is wrong besides what could not be read, so that nobody learns of it only by the next run. Nothing
    where the environment is unknown: what it demands is too."""
    told = {name for problem in problems for name in _NAMED.findall(problem)}
    if "HOTEL_ENVIRONMENT" in told:
        return []
    # Of what could not be read, the default says nothing.
    readable = {name: value for name, value in values.items() if f"HOTEL_{name.upper()}" not in told}
    readable["database_url"] = readable.get("database_url") or ""
    further = problems_of(Settings(**readable))  # type: ignore[arg-type]  # each was made into its type
    return [problem for problem in further if told.isdisjoint(_NAMED.findall(problem))]


def _read(setting: Setting, text: str, problems: list[str]) -> object:
    """The text as the setting's type; where it is none, that is noted."""
    if get_origin(get_args(setting.type)[0]) is tuple:
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        if setting.name == "trusted_proxies":
            problems += [
                f"{setting.variable}: {part} is not a network such as 10.0.0.0/8"
                for part in parts
                if not _is_network(part)
            ]
        return parts
    try:
        return msgspec.convert(text, setting.type, strict=False)
    except msgspec.ValidationError:
        problems.append(_refused(setting, text))
        return None


def _refused(setting: Setting, text: str) -> str:
    if setting.high is not None:
        return f"{setting.variable}={text} is not a whole number from {setting.low} to {setting.high}"
    if setting.choices:
        join = " or " if setting.choices == ("true", "false") else ", "
        which = "" if setting.choices == ("true", "false") else "one of "
        return f"{setting.variable}={text} is not {which}{join.join(setting.choices)}"
    return f"{setting.variable} must be {setting.must_be}"


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _database_url(environ: Mapping[str, str], problems: list[str]) -> str | None:
    url = environ.get("DATABASE_URL")
    if url:
        if not url.startswith(("postgresql://", "postgres://")):
            problems.append("DATABASE_URL must begin with postgresql://")
        return url
    host = environ.get("DB_HOST")
    if not host:
        problems.append(
            "no database: set DB_HOST, DB_USER, DB_PASSWORD and DB_NAME, or DATABASE_URL"
            " (or try `hotel-booking demo`, which brings its own)"
        )
        return None
    missing = [name for name in ("DB_USER", "DB_NAME") if not environ.get(name)]
    if missing:
        problems.append(f"DB_HOST is set, but not {' and '.join(missing)}")
        return None
    hosts = host.split(",")
    if not _are_hosts(environ, "DB_HOST", hosts, problems):
        return None
    ports = [
        _port({"DB_PORT": port}, "DB_PORT", "5432", problems)
        for port in environ.get("DB_PORT", "").split(",")
    ]
    if len(ports) not in (1, len(hosts)):
        problems.append(f"DB_PORT names {len(ports)} ports, and DB_HOST {len(hosts)} hosts")
        return None
    ports = ports if len(ports) == len(hosts) else ports * len(hosts)
    # Of several, the one that takes writes: core/hosts.py.
    choice = "target_session_attrs=read-write" if len(hosts) > 1 else ""
    password = environ.get("DB_PASSWORD")
    login = quote(environ["DB_USER"], safe="") + (f":{quote(password, safe='')}" if password else "")
    name = quote(environ["DB_NAME"], safe="")
    if host.startswith("/"):  # the folder of a Unix socket
        where = f"host={quote(host, safe='/,')}&port={','.join(ports)}"
        return f"postgresql://{login}@/{name}?{where}" + (f"&{choice}" if choice else "")
    listed = ",".join(f"{_bracketed(one.strip())}:{port}" for one, port in zip(hosts, ports, strict=True))
    return f"postgresql://{login}@{listed}/{name}" + (f"?{choice}" if choice else "")


def _read_database_url(environ: Mapping[str, str], problems: list[str]) -> str | None:
    """The replica: by its own URL, or at another host with the database's name and login."""
    url = environ.get("DATABASE_READ_URL")
    if url:
        if not url.startswith(("postgresql://", "postgres://")):
            problems.append("DATABASE_READ_URL must begin with postgresql://")
        return url
    host = environ.get("DB_READ_HOST")
    if not host:
        return None
    if environ.get("DATABASE_URL") or not environ.get("DB_HOST"):
        problems.append("DB_READ_HOST goes with DB_HOST; beside DATABASE_URL, set DATABASE_READ_URL")
        return None
    if "," in host:
        problems.append("DB_READ_HOST names more than one host: one replica is read")
        return None
    if not _are_hosts(environ, "DB_READ_HOST", [host], problems):
        return None
    port = _port(environ, "DB_READ_PORT", (environ.get("DB_PORT") or "5432").partition(",")[0], problems)
    return _database_url({**environ, "DB_HOST": host, "DB_PORT": port}, [])


def _redis_url(environ: Mapping[str, str], problems: list[str]) -> str | None:
    encrypted = environ.get("REDIS_TLS") or "false"
    if encrypted not in ("true", "false"):
        problems.append(f"REDIS_TLS={encrypted} is not true or false")
    url = environ.get("REDIS_URL")
    if url:
        if encrypted == "true" and url.startswith("redis://"):
            problems.append("REDIS_TLS=true goes with REDIS_HOST: begin REDIS_URL with rediss://")
        if not url.startswith(("redis://", "rediss://", "unix://")):
            problems.append("REDIS_URL must begin with redis://, rediss:// or unix://")
        return url
    host = environ.get("REDIS_HOST")
    if not host or not _are_hosts(environ, "REDIS_HOST", [host], problems):
        return None
    scheme = "rediss" if encrypted == "true" else "redis"
    password = environ.get("REDIS_PASSWORD")
    login = f":{quote(password, safe='')}@" if password else ""
    return f"{scheme}://{login}{_bracketed(host)}:{_port(environ, 'REDIS_PORT', '6379', problems)}/0"


def _are_hosts(environ: Mapping[str, str], variable: str, hosts: Sequence[str], problems: list[str]) -> bool:
    """Whether nothing stands behind a name; where something does, that is noted."""
    wrong = [
        host for host in hosts if ":" in host and not is_address(host.strip()) and not host.startswith("/")
    ]
    if wrong:
        port = variable.replace("HOST", "PORT")
        problems.append(f"{variable}={environ[variable]} is no host: its port goes in {port}")
    return not wrong


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host  # an IPv6 address


def database_port(environ: Mapping[str, str]) -> int:
    """The port of the one database server that DB_PORT names, 5432 unless it does. Raises `ConfigError`."""
    problems: list[str] = []
    port = _port(environ, "DB_PORT", "5432", problems)
    if problems:
        raise ConfigError(problems)
    return int(port)


def _port(environ: Mapping[str, str], variable: str, default: str, problems: list[str]) -> str:
    text = environ.get(variable) or default
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 65535:
        problems.append(f"{variable}={text} is not a whole number from 1 to 65535")
        return "1"  # any that is one: what is wrong has been said
    return text
