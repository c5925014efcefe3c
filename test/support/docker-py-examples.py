"""The examples of docker-py's README and of its own documentation, against the engine that DOCKER_HOST names.

Each function is one test; what is asserted is what the documentation says of a call. IMAGE is an image that is there, REGISTRY the
address of a registry that takes everybody's.
"""

import io
import os
import sys
import tarfile
import time
import traceback

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound

client = docker.from_env()
api = client.api
IMAGE = os.environ["IMAGE"]
REGISTRY = os.environ["REGISTRY"]


def test_run_gives_output():
    assert client.containers.run(IMAGE, "echo hello world") == b"hello world\n"
    for container in client.containers.list(all=True):
        container.remove()


def test_run_detached_then_look_at_it():
    container = client.containers.run(IMAGE, "sh -c 'echo Reticulating spline 1...; sleep 100'", detach=True)
    assert [one.id for one in client.containers.list()] == [container.id]
    same = client.containers.get(container.short_id)
    assert same.attrs["Config"]["Image"] == IMAGE
    assert same.status == "running" and same.image.id.startswith("sha256:")
    deadline = time.time() + 10
    while container.logs() != b"Reticulating spline 1...\n":
        assert time.time() < deadline
        time.sleep(0.05)
    container.stop(timeout=0)
    for line in container.logs(stream=True):
        assert line.strip() == b"Reticulating spline 1..."
    container.remove()


def test_run_with_options():
    environment = {"ONE": "1"}
    output = client.containers.run(
        IMAGE,
        ["sh", "-c", "echo $ONE $(hostname) $(cat /proc/sys/kernel/shmmax > /dev/null; pwd); id -u"],
        environment=environment,
        hostname="here",
        working_dir="/tmp",
        user="33",
        mem_limit="64m",
        cap_drop=["ALL"],
        network_mode="none",
        read_only=True,
        tmpfs={"/scratch": "size=1m"},
        labels=["a", "b"],
        ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=100)],
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}),
        restart_policy={"Name": "no"},
        remove=True,
    )
    assert output == b"1 here /tmp\n33\n"


def test_run_fails_as_documented():
    try:
        client.containers.run(IMAGE, "sh -c 'echo wrong >&2; exit 3'", remove=True)
        raise AssertionError("no error")
    except ContainerError as error:
        assert error.exit_status == 3 and error.stderr == b"wrong\n"
    try:
        client.containers.run("%s/nobody/nothing" % REGISTRY, "true")
        raise AssertionError("no error")
    except (ImageNotFound, NotFound):
        pass


def test_life_of_a_container():
    container = client.containers.create(IMAGE, "sleep 100", name="life")
    assert container.status == "created"
    container.start()
    container.reload()
    assert container.status == "running"
    assert container.top()["Processes"]
    container.pause()
    container.unpause()
    container.rename("lives")
    assert client.containers.get("lives").name == "lives"
    container.update(mem_limit="128m", memswap_limit="256m")
    assert client.containers.get("lives").attrs["HostConfig"]["Memory"] == 128 * 1024 * 1024
    container.restart(timeout=0)
    container.kill(signal="SIGKILL")
    assert container.wait()["StatusCode"] == 137
    container.remove()
    try:
        client.containers.get("lives")
        raise AssertionError("no error")
    except NotFound:
        pass


def test_exec():
    container = client.containers.run(IMAGE, "sleep 100", detach=True)
    code, output = container.exec_run("ls /bin/busybox")
    assert (code, output) == (0, b"/bin/busybox\n")
    code, (out, err) = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 7"], demux=True)
    assert (code, out, err) == (7, b"out\n", b"err\n")
    _, stream = container.exec_run("sh -c 'echo 1; echo 2'", stream=True)
    assert b"".join(stream) == b"1\n2\n"
    assert container.exec_run("env", environment=["X=y"]).output.count(b"X=y\n") == 1
    _, socket = container.exec_run("cat", stdin=True, socket=True)
    socket._sock.sendall(b"typed\n")
    socket._sock.shutdown(1)
    frames = b""
    while chunk := socket.read(4096):
        frames += chunk
    assert frames == b"\x01\x00\x00\x00\x00\x00\x00\x06typed\n", frames
    container.remove(force=True)


def test_attach():
    container = client.containers.create(IMAGE, "sh -c 'read name; echo hello $name'", stdin_open=True, tty=False)
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"ann\n")
    assert container.wait()["StatusCode"] == 0
    assert container.attach(logs=True, stream=False) == b"hello ann\n"
    socket.close()
    container.remove()


def test_files():
    container = client.containers.create(IMAGE, "true")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("note.txt")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    assert container.put_archive("/tmp", buffer.getvalue())
    bits, stat = container.get_archive("/tmp/note.txt")
    assert (stat["name"], stat["size"]) == ("note.txt", 5)
    with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as tar:
        assert tar.extractfile("note.txt").read() == b"hello"
    # docker calls a directory changed in which something was put.
    assert {"Path": "/tmp/note.txt", "Kind": 1} in container.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as tar:
        assert "tmp/note.txt" in [name.lstrip("./") for name in tar.getnames()]
    image = container.commit(repository="mine", tag="1", changes="CMD cat /tmp/note.txt")
    assert client.containers.run(image.id, remove=True) == b"hello"
    container.remove()
    client.images.remove("mine:1")


def test_stats_and_waiting():
    container = client.containers.run(IMAGE, "sleep 100", detach=True)
    stats = container.stats(stream=False)
    assert stats["id"] == container.id and stats["memory_stats"]["usage"] > 0
    first = next(container.stats(stream=True, decode=True))
    assert first["cpu_stats"]["cpu_usage"]["total_usage"] >= 0
    container.remove(force=True)


def test_images():
    image = client.images.get(IMAGE)
    assert IMAGE in image.tags[0] and image.history()
    name = "%s/team/box" % REGISTRY
    assert image.tag(name, tag="1")
    assert "error" not in client.images.push(name, tag="1")
    client.images.remove("%s:1" % name)
    pulled = client.images.pull(name, tag="1")
    assert "%s:1" % name in pulled.tags
    archive = b"".join(pulled.save(named=True))
    client.images.remove("%s:1" % name, force=True)
    [loaded] = client.images.load(archive)
    assert "%s:1" % name in loaded.tags
    assert loaded.id in [one.id for one in client.images.list(filters={"reference": "%s:1" % name})]
    client.images.remove("%s:1" % name)
    assert "SpaceReclaimed" in client.images.prune()


def test_networks():
    ipam = docker.types.IPAMConfig(
        pool_configs=[docker.types.IPAMPool(subnet="10.124.1.0/24", gateway="10.124.1.254", aux_addresses={"a": "10.124.1.1"})]
    )
    network = client.networks.create("network1", driver="bridge", ipam=ipam, labels={"x": "y"}, check_duplicate=True)
    container = client.containers.run(IMAGE, "sleep 100", detach=True)
    network.connect(container, ipv4_address="10.124.1.7", aliases=["seven"])
    network.reload()
    assert [one.id for one in network.containers] == [container.id]
    assert [one.name for one in client.networks.list(names=["network1"])] == ["network1"]
    assert [one.name for one in client.networks.list(filters={"label": "x=y"}, greedy=True)] == ["network1"]
    network.disconnect(container)
    container.remove(force=True)
    network.remove()
    assert client.networks.prune()["NetworksDeleted"] is None


def test_volumes():
    volume = client.volumes.create(name="foobar", driver="local", labels={"key": "value"})
    assert volume.attrs["Labels"] == {"key": "value"}
    mounts = {"foobar": {"bind": "/data", "mode": "rw"}}
    client.containers.run(IMAGE, "sh -c 'echo kept > /data/file'", volumes=mounts, remove=True)
    mount = docker.types.Mount("/data", "foobar", read_only=True)
    assert client.containers.run(IMAGE, "cat /data/file", mounts=[mount], remove=True) == b"kept\n"
    assert [one.name for one in client.volumes.list(filters={"dangling": True})] == ["foobar"]
    volume.remove()
    assert client.volumes.list() == []


def test_engine():
    assert client.ping()
    assert client.version()["ApiVersion"]
    assert client.info()["OSType"] == "linux"
    assert "LayersSize" in client.df()
    events = client.events(decode=True, filters={"type": "container"})
    container = client.containers.create(IMAGE, "true")
    event = next(events)
    assert (event["Action"], event["Actor"]["ID"]) == ("create", container.id)
    events.close()
    container.remove()


def test_low_level():
    host = api.create_host_config(port_bindings={80: ("127.0.0.1", None)}, binds=["/usr:/host:ro"], dns=["10.0.0.1"])
    made = api.create_container(IMAGE, "sleep 100", name="low", host_config=host, ports=[80], stop_signal="SIGKILL")
    api.start(made)
    [binding] = api.port("low", 80)
    assert binding["HostIp"] == "127.0.0.1" and int(binding["HostPort"]) > 0
    exec_id = api.exec_create("low", "ls /host/bin", stderr=False)["Id"]
    assert api.exec_start(exec_id) and api.exec_inspect(exec_id)["ExitCode"] == 0
    try:
        api.create_container(IMAGE, "true", name="low")
        raise AssertionError("no error")
    except APIError as error:
        assert error.status_code == 409 and 'The container name "/low" is already in use' in error.explanation
    api.remove_container("low", v=True, force=True)


def main():
    failures = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            print("ok", name)
        except Exception:
            failures += 1
            print("failed", name)
            traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failures else 0)


main()
