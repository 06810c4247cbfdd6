import os
import sys

# Before anything else is imported: bytecode is kept, whatever the environment says, of this process (of Hypothesis
# pytest rewrites every module) and of all that a test starts, else each compiles all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
