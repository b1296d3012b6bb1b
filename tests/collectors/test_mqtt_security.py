"""TLS, passwords and permissions as mosquitto enforces them, and brokers that are none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.mqtt import MqttSource
from configs import sources as configs
from configs.base import Secret
from configs.sources import MqttTls
from plant.clock import SystemClock
from plant.errors import ConfigError, Disconnected
from plant.quality import Quality
from tests.collectors.test_mqtt import PRESS, point, rows_of, source_of
from tests.peers.mqtt_broker import Mosquitto, make_certificates

pytestmark = pytest.mark.needs("mosquitto", "mosquitto_pub")


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.stop()


class TestSecurity:
    @pytest.fixture
    def guarded(self, tmp_path) -> Iterator[Mosquitto]:
        make_certificates(tmp_path)
        broker = Mosquitto(
            tmp_path,
            (
                "allow_anonymous true",
                f"cafile {tmp_path}/ca.crt",
                f"certfile {tmp_path}/server.crt",
                f"keyfile {tmp_path}/server.key",
                "require_certificate true",
            ),
        )
        broker.start()
        yield broker
        broker.stop()

    def tls(self, folder, ca: str = "ca", client: str | None = "client") -> MqttTls:
        if client is None:
            return MqttTls(ca=str(folder / f"{ca}.crt"))
        return MqttTls(
            ca=str(folder / f"{ca}.crt"),
            certificate=str(folder / f"{client}.crt"),
            key=str(folder / f"{client}.key"),
        )

    async def test_messages_come_over_verified_tls_with_a_client_certificate(self, guarded, tmp_path) -> None:
        source = source_of(guarded, point("n", "n"), tls=self.tls(tmp_path))
        secure = [
            *("--cafile", f"{tmp_path}/ca.crt"),
            *("--cert", f"{tmp_path}/client.crt", "--key", f"{tmp_path}/client.key"),
        ]
        async with source.open() as batches:
            await guarded.send("n", *map(str, range(2000)), options=secure)
            rows = await rows_of(batches, 2000)
        assert [s.value for s in rows] == list(range(2000))

    async def test_a_broker_of_an_unknown_authority_is_refused_for_good(self, guarded, tmp_path) -> None:
        with pytest.raises(ConfigError, match="certificate"):
            async with source_of(guarded, point("n", "n"), tls=self.tls(tmp_path, ca="strange-ca")).open():
                pass

    async def test_a_broker_under_another_name_is_refused_for_good(self, guarded, tmp_path) -> None:
        source = source_of(guarded, point("n", "n"), tls=self.tls(tmp_path), host="localhost")
        with pytest.raises(ConfigError, match="localhost"):
            async with source.open():
                pass

    @pytest.mark.parametrize("client", [None, "other"])
    async def test_a_client_certificate_the_broker_refuses_is_an_error(self, guarded, tmp_path, client) -> None:
        with pytest.raises((ConfigError, Disconnected)):
            async with source_of(guarded, point("n", "n"), tls=self.tls(tmp_path, client=client)).open():
                pass

    @pytest.mark.parametrize("missing", ["ca", "certificate"])
    async def test_a_missing_file_is_a_configuration_error_that_names_it(self, guarded, tmp_path, missing) -> None:
        files = self.tls(tmp_path).model_copy(update={missing: "/nowhere.pem"})
        with pytest.raises(ConfigError, match=rf"tls.{missing}: /nowhere.pem"):
            async with source_of(guarded, point("n", "n"), tls=files).open():
                pass

    @pytest.mark.parametrize("version", ["5", "3.1.1"])
    async def test_a_wrong_password_is_a_configuration_error_and_a_right_one_works(
        self, tmp_path, monkeypatch, version: str
    ) -> None:
        passwords = tmp_path / "passwords"
        await (
            await asyncio.create_subprocess_exec("mosquitto_passwd", "-c", "-b", str(passwords), "edge", "right")
        ).wait()
        broker = Mosquitto(tmp_path, ("allow_anonymous false", f"password_file {passwords}"))
        broker.start()
        try:
            for password in ("wrong", "right"):
                monkeypatch.setenv("BROKER_PASSWORD", password)
                source = source_of(
                    broker, point("n", "n"), user="edge", password=Secret(env="BROKER_PASSWORD"), version=version
                )
                if password == "wrong":
                    with pytest.raises(ConfigError, match=r"refuses the connection: (Not auth|Bad user)"):
                        async with source.open():
                            pass
                    continue
                async with source.open() as batches:
                    await broker.send("n", "1", options=("-u", "edge", "-P", "right"))
                    assert (await rows_of(batches, 1))[0].value == 1
        finally:
            broker.stop()

    async def test_a_password_that_cannot_be_had_is_a_configuration_error(self, broker, monkeypatch) -> None:
        monkeypatch.delenv("NO_SUCH_PASSWORD", raising=False)
        source = source_of(broker, point("n", "n"), user="edge", password=Secret(env="NO_SUCH_PASSWORD"))
        with pytest.raises(ConfigError, match="NO_SUCH_PASSWORD"):
            async with source.open():
                pass

    async def test_a_refused_subscription_reads_bad_and_the_others_go_on(self, tmp_path) -> None:
        grant = {"acltype": "subscribePattern", "topic": "open", "allow": True}
        kinds = {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
        rules = {
            "defaultACLAccess": kinds,
            "clients": [],
            "groups": [{"groupname": "all", "roles": [{"rolename": "reader"}]}],
            "roles": [{"rolename": "reader", "acls": [grant]}],
            "anonymousGroup": "all",
        }
        (tmp_path / "rules.json").write_text(json.dumps(rules))
        plugin = next(Path("/usr/lib").glob("**/mosquitto_dynamic_security.so"))
        broker = Mosquitto(
            tmp_path,
            ("allow_anonymous true", f"plugin {plugin}", f"plugin_opt_config_file {tmp_path}/rules.json"),
        )
        broker.start()
        try:
            source = source_of(broker, point("n", "open"), point("secret", "closed"))
            async with source.open() as batches:
                await broker.send("open", "1")
                rows = {s.path: s for s in await rows_of(batches, 2)}
        finally:
            broker.stop()
        assert rows[PRESS + "n"].value == 1
        assert rows[PRESS + "secret"].quality == Quality.BAD_NOT_READABLE
        assert "closed" in source.tally.bad_points[PRESS + "secret"]


# ------------------------------------------------------------------------ what is no broker
class TestImpostor:
    """Something listens, but does not behave like a broker."""

    async def read_from(self, *answers: str) -> None:
        """Open a source on a server that gives these answers, one for each packet it gets."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in answers:
                await reader.read(4096)
                writer.write(bytes.fromhex(answer))
            await reader.read()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        config = configs.MqttSource(
            type="mqtt", id="m", host="127.0.0.1", port=server.sockets[0].getsockname()[1], session=0.0
        )
        async with server, MqttSource(config, [point("n", "n")], clock=SystemClock()).open() as batches:
            await anext(batches)

    @pytest.mark.parametrize(
        "answer",
        ["48540a" + "00" * 100, "ff" * 6, "3003000100", "310900017403260001ff00", "3006000174022300"],
    )
    @pytest.mark.parametrize("accepted", [True, False])
    async def test_bytes_that_are_not_mqtt_are_a_disconnection(self, answer: str, accepted: bool) -> None:
        with pytest.raises(Disconnected, match=r"mqtt://127\.0\.0\.1"):
            await self.read_from(*(["2003000000"] if accepted else []), answer)

    async def test_silence_is_a_disconnection_that_asks_about_the_version(self, monkeypatch) -> None:
        monkeypatch.setattr("collectors.mqtt.connection.CONNECT_WITHIN", 0.3)
        with pytest.raises(Disconnected, match="does it speak MQTT 5"):
            await self.read_from()

    async def test_a_broker_that_is_busy_is_tried_again_and_one_that_bans_us_is_not(self) -> None:
        with pytest.raises(Disconnected, match="for now"):
            await self.read_from("2003008900")
        with pytest.raises(ConfigError, match="refuses the connection"):
            await self.read_from("2003008a00")
