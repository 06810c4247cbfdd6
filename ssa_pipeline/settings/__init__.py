"""Every variable that an installation can set: default, rule and value, a module a concern; `read` puts them together,
`table` says how each is shown.

What does not belong here: what is done with a value. Nothing else in the package looks at ``os.environ``.
"""

from ssa_pipeline.settings.alerts import AlertSettings as AlertSettings
from ssa_pipeline.settings.concerns import Settings as Settings
from ssa_pipeline.settings.database import DatabaseUrl as DatabaseUrl
from ssa_pipeline.settings.installation import REPOSITORY as REPOSITORY
from ssa_pipeline.settings.read import read_settings as read_settings
from ssa_pipeline.settings.sources import HttpSettings as HttpSettings
from ssa_pipeline.settings.sources import Proxy as Proxy
from ssa_pipeline.settings.sources import SourceSettings as SourceSettings
from ssa_pipeline.settings.values import SOURCES as SOURCES
from ssa_pipeline.settings.values import SettingsError as SettingsError
from ssa_pipeline.settings.values import base_url as base_url
from ssa_pipeline.settings.values import is_url as is_url
from ssa_pipeline.settings.values import login_url as login_url
