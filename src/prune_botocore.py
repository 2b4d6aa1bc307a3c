"""Keep of botocore's data only what the named services need: prune_botocore.py DATA_FOLDER SERVICE..."""

import shutil
import sys
from pathlib import Path

data, services = Path(sys.argv[1]), set(sys.argv[2:])
missing = [service for service in services if not (data / service).is_dir()]
if missing:
    sys.exit(f"botocore has no data of {', '.join(missing)} in {data}; check SERVICES in src/Makefile.")
for folder in data.iterdir():
    if folder.is_dir() and folder.name not in services:
        shutil.rmtree(folder)
