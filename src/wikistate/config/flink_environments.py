"""The file of environments: Flink clusters, and the jobs that are deployed to them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from wikistate.config.base import Settings

_FOLDER_SCHEMES = ("file:///", "s3://", "s3a://", "s3p://", "hdfs://", "abfs://", "abfss://", "gs://", "oss://")


class ObjectStoreSettings(Settings):
    """Access to an S3 store, to find checkpoints in it. Flink itself has its own settings of the store."""

    endpoint: str = ""
    """URL of the store. Empty: that of Amazon for the region."""

    region: str = "us-east-1"
    """Region in the signature of requests."""

    key_id_env: str = "AWS_ACCESS_KEY_ID"
    """Environment variable with the id of the key."""

    key_id_file: str = ""
    """File with the id of the key, instead of the variable."""

    secret_key_env: str = "AWS_SECRET_ACCESS_KEY"  # noqa: S105  (the name of a variable)
    """Environment variable with the secret part of the key."""

    secret_key_file: str = ""
    """File with the secret part of the key, instead of the variable."""

    session_token_env: str = "AWS_SESSION_TOKEN"  # noqa: S105  (likewise)
    """Environment variable with the token of a session, for a key that expires; it may be empty."""


class JobSettings(Settings):
    """A job, as it is in every environment unless the environment says otherwise."""

    run: str = ""
    """Job of wikistate: the word after `wikistate run`."""

    aliases: list[str] = []
    """Other names of the job on the command line."""

    configuration: list[str] = []
    """Configuration files, relative to the file of environments. Later files override earlier ones key by key."""

    settings: dict[str, Any] = {}
    """Settings that override those of the files, for example topics and consumer groups."""

    parallelism: PositiveInt | None = None
    """Number of subtasks, which is also the number of slots that the job takes. Default: 1."""


class EnvironmentSettings(Settings):
    """A Flink cluster with its folders."""

    rest: str
    """URL of Flink's REST interface, for example `http://flink.example:8081`."""

    savepoints: str
    """Folder of savepoints, as a URI. A relative path on the command line is a path in this folder."""

    checkpoints: str
    """Folder of checkpoints, as a URI. Each job has a folder in it."""

    target: Literal["remote", "yarn-session", "kubernetes-session"] = "remote"
    """Kind of the cluster, for `flink run -t`."""

    flink: str = ""
    """Path of the program `flink`. Empty: that of the PyFlink beside `python`."""

    python: str = ""
    """Python with PyFlink and wikistate on this machine. Empty: the one that runs this command."""

    worker_python: str = ""
    """Python with PyFlink and wikistate on the machines of the cluster. Empty: the same path as `python`."""

    options: dict[str, str | int | float | bool] = {}
    """Options of Flink for `flink run -D`, for example `yarn.application.id`."""

    ca_bundle: str = ""
    """File of certificates to trust for an `https` address of the REST interface. Empty: those of the system."""

    routes: dict[str, str] = {}
    """Origins to which requests are sent instead, with the first host in the header Host."""

    s3: ObjectStoreSettings = ObjectStoreSettings()
    """Access to the S3 store of the folders, if they are in one."""

    records: str = ""
    """Folder for the files of each deployment, from which a rollback starts. Machines that share it can roll back the
    deployments of each other. Empty: `wikistate/flink-jobs` under `$XDG_STATE_HOME` or `~/.local/state`."""

    poll_interval: PositiveFloat = 1.0
    """Seconds between two questions to the cluster."""

    request_timeout: PositiveFloat = 30.0
    """Seconds for which a request is repeated while the cluster does not answer."""

    submit_timeout: PositiveFloat = 300.0
    """Seconds for one run of `flink run`."""

    start_timeout: PositiveFloat = 600.0
    """Seconds within which a started job must run and complete a checkpoint."""

    start_failures: NonNegativeInt = 2
    """Failures of a started job that are accepted before its first checkpoint, because an outage may cause them."""

    slots_timeout: PositiveFloat = 60.0
    """Seconds that a started job may wait for slots."""

    savepoint_timeout: PositiveFloat = 900.0
    """Seconds for a savepoint."""

    keep_savepoints: PositiveInt | None = 5
    """Number of savepoints of a job to keep: after a new one, older savepoints that these commands made are disposed of.
    Null: all."""

    jobs: dict[str, JobSettings] = {}
    """Settings of jobs that hold in this environment only, by the name of the job."""

    @field_validator("savepoints", "checkpoints")
    @classmethod
    def _check_folder(cls, value: str) -> str:
        if not value.startswith(_FOLDER_SCHEMES):
            raise ValueError(f"must be the URI of a folder: it begins with one of {', '.join(_FOLDER_SCHEMES)}")
        return value.rstrip("/")

    @field_validator("rest")
    @classmethod
    def _check_rest(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must be a URL that begins with http:// or https://")
        return value.rstrip("/")


class FlinkEnvironments(Settings):
    """The whole file."""

    environments: dict[str, EnvironmentSettings] = Field(min_length=1)
    """Environments by name."""

    jobs: dict[str, JobSettings] = Field(min_length=1)
    """Jobs by the name that they have on the cluster."""
