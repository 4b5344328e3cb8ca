# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Configuration: builds a System from its name and overrides, and computes its digest.

The name of a system is `module:callable`, `path/to/file.py:callable`, or the bare name of a system
in this package. The keyword parameters of the callable, with annotations and defaults, are the
configuration. A YAML file and `key=value` overrides change them; OmegaConf checks the types.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import json
import pkgutil
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    OmegaConfBaseException,
)

from .system import System

BUILT_IN = "pamiq_ros.systems"
Factory = typing.TypeVar("Factory", bound=Callable[..., Any])
_RENAMED = "__renamed_settings__"


class ConfigurationError(ValueError):
    """An invalid configuration. The text says where, what was expected and what was found."""


@dataclasses.dataclass(frozen=True)
class ResolvedSystem:
    """A system and its configuration.

    Attributes:
        name: The system's name as given.
        config: The resolved configuration as dicts, lists, numbers and strings.
        digest: Identifies name and configuration, 16 hexadecimal digits. Experience and weights
            carry it; receivers refuse those of another digest.
        system: The system.
    """

    name: str
    config: dict[str, Any]
    digest: str
    system: System


def resolve_system(
    name: str, config_file: str = "", overrides: Sequence[str] = ()
) -> ResolvedSystem:
    """Find a system, apply its configuration and build it.

    Args:
        name: `module:callable`, `file.py:callable`, or the name of a system in this package.
        config_file: A YAML file with parameters of the callable; empty for none.
        overrides: `key=value` strings, applied after the file and in order. Dots in a key reach
            into nested values.

    Raises:
        ConfigurationError: Unknown system, unreadable file, unknown key or wrong type.
    """
    factory = _find(name)
    config = _schema(name, factory)
    changes = [(_read(config_file), f"system_config '{config_file}'")] if config_file else []
    changes += [(_parse(override), f"override '{override}'") for override in overrides]
    for change, where in changes:
        _require_new_names(change, where, getattr(factory, _RENAMED, {}))
        config = _merge(config, change, where)
    values = _resolved(config, name)
    canonical = json.dumps([name, values], sort_keys=True, default=str)
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return ResolvedSystem(name, values, digest, _make(name, factory, config))


def renamed(**names: str) -> Callable[[Factory], Factory]:
    """Decorate a system: refuse old names of its settings with an error that has the new name.

    Args:
        names: The new name by old name.
    """

    def decorate(factory: Factory) -> Factory:
        setattr(factory, _RENAMED, names)
        return factory

    return decorate


def built_in_systems() -> list[str]:
    """Return the names of the systems in this package."""
    package = importlib.import_module(BUILT_IN)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def _find(name: str) -> Callable[..., Any]:
    module_name, _, attribute = name.rpartition(":")
    if not module_name:
        if name not in built_in_systems():
            known = ", ".join(built_in_systems())
            raise ConfigurationError(
                f"system: expected one of {known}, 'module:callable' or 'file.py:callable', "
                f"found {name!r}"
            )
        module_name, attribute = f"{BUILT_IN}.{name}", "system"
    factory = getattr(_import(name, module_name), attribute, None)
    if not callable(factory):
        raise ConfigurationError(
            f"system {name!r}: expected a callable '{attribute}' in '{module_name}', "
            f"found {type(factory).__name__}"
        )
    return typing.cast("Callable[..., Any]", factory)


def _import(name: str, module_name: str) -> ModuleType:
    try:
        if not module_name.endswith(".py"):
            return importlib.import_module(module_name)
        spec = importlib.util.spec_from_file_location(Path(module_name).stem, module_name)
        if spec is None or spec.loader is None:
            raise ImportError(f"'{module_name}' is not a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except Exception as error:  # a user's module may raise anything
        raise ConfigurationError(
            f"system {name!r}: '{module_name}' can't be imported: {type(error).__name__}: {error}"
        ) from error


def _schema(name: str, factory: Callable[..., Any]) -> DictConfig:
    hints = typing.get_type_hints(factory)
    fields: list[tuple[str, Any, Any]] = []
    for key, parameter in inspect.signature(factory).parameters.items():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise ConfigurationError(f"system {name!r}: parameter '{key}' can't be given by name")
        if parameter.kind is parameter.VAR_KEYWORD:
            raise ConfigurationError(f"system {name!r}: '**{key}' would accept any override")
        default = "???" if parameter.default is parameter.empty else parameter.default
        fields.append((key, hints.get(key, Any), _field(default)))
    schema = dataclasses.make_dataclass("Config", fields, kw_only=True)
    try:
        return typing.cast("DictConfig", OmegaConf.structured(schema))
    except OmegaConfBaseException as error:
        raise ConfigurationError(f"system {name!r}: {_first_line(error)}") from error


def _field(default: Any) -> Any:
    return dataclasses.field(default_factory=lambda: default)


def _read(path: str) -> Any:
    try:
        loaded = OmegaConf.load(path)
    except Exception as error:  # parsers raise many types
        raise ConfigurationError(f"system_config '{path}': can't be read: {error}") from error
    if not isinstance(loaded, DictConfig):
        raise ConfigurationError(f"system_config '{path}': expected a mapping, found a list")
    return loaded


def _parse(override: str) -> Any:
    key, separator, _ = override.partition("=")
    if not separator or not key.strip():
        raise ConfigurationError(f"override {override!r}: expected 'key=value'")
    try:
        return OmegaConf.from_dotlist([override])
    except Exception as error:  # YAML and OmegaConf raise unrelated types
        raise ConfigurationError(f"override {override!r}: {_first_line(error)}") from error


def _require_new_names(change: Any, where: str, names: Mapping[str, str]) -> None:
    for key in map(str, change):
        if key in names:
            raise ConfigurationError(f"{where}: the setting '{key}' is called '{names[key]}' now")


def _merge(config: DictConfig, change: Any, where: str) -> DictConfig:
    try:
        return typing.cast("DictConfig", OmegaConf.merge(config, change))
    except OmegaConfBaseException as error:
        known = ""
        if isinstance(error, (ConfigKeyError, ConfigAttributeError)):
            known = f" (expected one of the keys {', '.join(str(key) for key in config)})"
        raise ConfigurationError(f"{where}: {_first_line(error)}{known}") from error


def _resolved(config: DictConfig, name: str) -> dict[str, Any]:
    try:
        missing = sorted(str(key) for key in OmegaConf.missing_keys(config))
        if missing:
            raise ConfigurationError(f"system {name!r}: expected a value for {', '.join(missing)}")
        return typing.cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True))
    except OmegaConfBaseException as error:
        raise ConfigurationError(f"system {name!r}: {_first_line(error)}") from error


def _make(name: str, factory: Callable[..., Any], config: DictConfig) -> System:
    try:
        arguments = vars(OmegaConf.to_object(config))
        system = factory(**{key: _instantiated(value) for key, value in arguments.items()})
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigurationError(f"system {name!r}: {error}") from error
    except Exception as error:  # such as torch's RuntimeError for a negative size
        raise ConfigurationError(f"system {name!r}: {type(error).__name__}: {error}") from error
    if not isinstance(system, System):
        raise ConfigurationError(
            f"system {name!r}: expected a System to be returned, found {type(system).__name__}"
        )
    return system


def _instantiated(value: Any) -> Any:
    if not isinstance(value, (dict, list)) or "_target_" not in str(value):
        return value
    from hydra.utils import instantiate  # imported on use: it takes a quarter of a second

    return instantiate(value, _convert_="all")


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
