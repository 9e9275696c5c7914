"""Models by what the settings say.

Above: `session`. Below: the models of this room, `settings`.
"""

from genie_nb.backend.models.base import ChatModel
from genie_nb.backend.settings import OFFLINE, Settings
from genie_nb.errors import SettingsError

__all__ = ("DEFAULT_MODEL", "create_model")

DEFAULT_MODEL = "gpt-5-mini"
"""The model that a key alone, without a name or a URL, stands for."""


def create_model(settings: Settings) -> ChatModel:
    """The model that the settings ask for; without any, the offline analyst.

    Raises:
        SettingsError: A name without a key or URL, or a URL without a name.
    """
    key = settings.api_key.get_secret_value() if settings.api_key else None
    if settings.model == OFFLINE or not (settings.model or settings.base_url or key):
        from genie_nb.backend.models.analyst import OfflineAnalyst

        return OfflineAnalyst()
    if settings.base_url is None and key is None:
        raise SettingsError(
            f"The model {settings.model!r} needs a key or an address: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server "
            f"of your own. Without them there is {OFFLINE!r}, the built-in analyst."
        )
    if settings.base_url is not None and settings.model is None:
        raise SettingsError(
            f"Which model is to answer at {settings.base_url}? Set GENIE_MODEL, or Genie(model=...), to its name."
        )
    from genie_nb.backend.models.openai import OpenAIModel

    return OpenAIModel(
        settings.model or DEFAULT_MODEL, base_url=settings.base_url, api_key=key, context_tokens=settings.context_tokens
    )
