# The types of the public names, which `__init__.py` imports on first use.

from .api import Result as Result
from .api import acheck as acheck
from .api import bind as bind
from .api import check as check
from .api import diagnose as diagnose
from .api import listening as listening
from .api import load as load
from .api import load_many as load_many
from .checkup.watchdog import StarvedError as StarvedError
from .model import Candidate as Candidate
from .model import Certainty as Certainty
from .model import Diagnosis as Diagnosis
from .model import NextTest as NextTest
from .model import Note as Note
from .model import Observation as Observation
from .model import Options as Options
from .model import Outcome as Outcome
from .model import Owner as Owner
from .model import Problem as Problem
from .model import Report as Report
from .model import RuledOut as RuledOut
from .model import Stage as Stage
from .model import StageLine as StageLine
from .model import Step as Step
from .model import Subject as Subject
from .model import Symptom as Symptom
from .model import Target as Target
from .model import Vantage as Vantage
from .model import Verdict as Verdict
from .render.listening import ListeningDocument as ListeningDocument
from .target import UsageError as UsageError

__version__: str
