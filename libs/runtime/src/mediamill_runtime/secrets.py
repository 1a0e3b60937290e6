"""Refusal of secrets that everybody knows or can guess.

An installation that went live with the password from the documentation looks healthy until it is not;
refusing to start is the one reminder that cannot be overlooked.
"""

from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

MIN_SECRET_CHARACTERS = 32
"""RFC 7518, section 3.2: an HS256 key has at least 256 bits."""
MIN_PASSWORD_CHARACTERS = 12
_MIN_DISTINCT_CHARACTERS = 8
_WELL_KNOWN = frozenset(
    {"admin", "change-me", "changeme", "default", "dev", "development", "example", "guest", "insecure"}
    | {"mediamill", "minioadmin", "password", "postgres", "rabbitmq", "root", "secret", "supersecret"}
    | {"test", "your-secret", "your-secret-key"}
)
_LENIENT_ENVIRONMENTS = frozenset({"dev", "test"})


def refuse_weak_secret(
    name: str, value: SecretStr | None, env: str, *, min_characters: int = MIN_SECRET_CHARACTERS
) -> None:
    """Raise ValueError, naming the variable but never the value, unless `value` is hard to guess.

    In `dev` and `test` everything passes.
    """
    if env in _LENIENT_ENVIRONMENTS:
        return
    secret = value.get_secret_value() if value else ""
    if not secret.strip():
        raise ValueError(f"{name}: a secret is required when MEDIAMILL_ENV is {env}")
    if _is_well_known(secret):
        raise ValueError(f"{name}: this is a well-known default, choose a random secret")
    if len(secret) < min_characters:
        raise ValueError(f"{name}: too short, at least {min_characters} characters are required")
    if len(set(secret)) < _MIN_DISTINCT_CHARACTERS:
        raise ValueError(f"{name}: too regular, choose a random secret")


def refuse_weak_url_password(name: str, url: SecretStr, env: str) -> None:
    """Apply the same to the password inside a URL; a URL that names no server has none."""
    parts = urlsplit(url.get_secret_value())
    if parts.hostname:
        password = SecretStr(unquote(parts.password or ""))
        refuse_weak_secret(name, password, env, min_characters=MIN_PASSWORD_CHARACTERS)


def _is_well_known(secret: str) -> bool:
    """Recognise the defaults also when they were made longer by repeating or numbering them."""
    bare = secret.strip().lower().rstrip("0123456789!.")
    return bare in _WELL_KNOWN or any(
        len(secret) > len(word) and not secret.lower().replace(word, "").strip("0123456789-_!.")
        for word in _WELL_KNOWN
    )
