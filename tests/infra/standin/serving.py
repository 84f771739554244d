"""Hands the stand-in to a terraform process: a gRPC server on a socket, and the environment that names it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.protobuf.message import Message
from tfplugin_proto import tfplugin5_5_pb2 as protocol

from tests.infra.standin.provider import Provider
from tests.infra.standin.schema import provider_schema

_SERVICE = "tfplugin5.Provider"
_SOURCE = "hashicorp/google"


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """A new stand-in for as long as the context lasts; gives the environment in which terraform finds it."""
    with tempfile.TemporaryDirectory(prefix="provider-") as folder:
        socket = Path(folder) / "google.sock"
        server = grpc.server(ThreadPoolExecutor(8))
        server.add_generic_rpc_handlers([_handlers(Provider(provider_schema()))])
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        try:
            yield _environment(socket, Path(folder) / "terraformrc")
        finally:
            server.stop(None).wait()


def _environment(socket: Path, settings: Path) -> dict[str, str]:
    settings.touch()
    provider = {
        "Protocol": "grpc",
        "ProtocolVersion": 5,
        "Pid": os.getpid(),
        "Test": True,  # terraform leaves the process alone when it ends
        "Addr": {"Network": "unix", "String": str(socket)},
    }
    return {
        "TF_REATTACH_PROVIDERS": json.dumps({_SOURCE: provider}),
        "TF_CLI_CONFIG_FILE": str(settings),
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_ARGS": "-no-color",
    }


def _handlers(provider: Provider) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        _SERVICE,
        {
            "GetSchema": _method(protocol.GetProviderSchema.Request, provider.get_schema),
            "PrepareProviderConfig": _method(protocol.PrepareProviderConfig.Request, provider.prepare_provider_config),
            "Configure": _method(protocol.Configure.Request, provider.configure),
            "Stop": _method(protocol.Stop.Request, provider.stop),
            "ValidateDataSourceConfig": _method(
                protocol.ValidateDataSourceConfig.Request, provider.validate_data_source_config
            ),
            "ValidateResourceTypeConfig": _method(
                protocol.ValidateResourceTypeConfig.Request, provider.validate_resource_type_config
            ),
            "UpgradeResourceState": _method(protocol.UpgradeResourceState.Request, provider.upgrade_resource_state),
            "ReadResource": _method(protocol.ReadResource.Request, provider.read_resource),
            "PlanResourceChange": _method(protocol.PlanResourceChange.Request, provider.plan_resource_change),
            "ApplyResourceChange": _method(protocol.ApplyResourceChange.Request, provider.apply_resource_change),
            "ReadDataSource": _method(protocol.ReadDataSource.Request, provider.read_data_source),
        },
    )


def _method[Request: Message](
    request: type[Request], answer: Callable[[Request], Message]
) -> grpc.RpcMethodHandler[Request, Message]:
    return grpc.unary_unary_rpc_method_handler(
        lambda message, _: answer(message),
        request_deserializer=request.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
