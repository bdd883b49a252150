"""`python -m toy_loader`."""

import os
import sys

from zakaz_common.cli import LoaderSpec, make_app

import toy_loader
from toy_loader.load import NAME, TABLE, ToySettings, backfill, check_api, dry_run, run

if toy_loader.WRONG == "no_lock":
    os.environ["LOADER_STATE_DIR"] += f"/{os.getpid()}"
app = make_app(
    LoaderSpec(
        name=NAME,
        version=toy_loader.__version__,
        settings=ToySettings,
        env_prefix="ANYTHING_" if toy_loader.WRONG == "takes_any_setting" else "TOY_",
        run=run,
        dry_run=dry_run,
        backfill=backfill,
        check_api=check_api,
        tables=(TABLE,),
    )
)
try:
    app()
except SystemExit as leaving:
    sys.exit(1 if leaving.code and toy_loader.WRONG == "exits_with_one" else leaving.code)
