"""An RTSP server for tests: GStreamer's own, over a folder of access units.

usage: rtsp_server.py FOLDER PORT [USER PASSWORD]

Serves /live, the files FOLDER/0.h264, 1.h264, ... in turn and over again at 25 a second, and /jpeg, which
is no H.264. PORT 0 is any free one. Prints the port once it listens; after that it takes orders, a line
each: `silence` stops the pictures and keeps the connections, `go` goes on with them. Ends with its input.
Needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good and -bad.
"""

import pathlib
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

INTERVAL = Gst.SECOND // 25
CAPS = "video/x-h264,stream-format=byte-stream,alignment=au"


class Live(GstRtspServer.RTSPMediaFactory):
    """The access units, from the first on for each viewer."""

    def __init__(self, units, going):
        super().__init__()
        self.units = units
        self.going = going
        self.set_launch(f"( appsrc name=units is-live=true format=time caps={CAPS} ! h264parse ! rtph264pay name=pay0 pt=96 )")

    def begin(self, media):
        self.number = 0
        source = media.get_element().get_by_name("units")
        source.connect("need-data", self.push)

    def push(self, source, _):
        self.going.wait()
        buffer = Gst.Buffer.new_wrapped(self.units[self.number % len(self.units)])
        buffer.pts = buffer.dts = self.number * INTERVAL
        buffer.duration = INTERVAL
        self.number += 1
        source.emit("push-buffer", buffer)


def only_with(user, password, server, factories):
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST, which has no name here
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    for factory in factories:
        factory.add_role_from_structure(
            Gst.Structure.from_string("viewer,media.factory.access=(boolean)true,media.factory.construct=(boolean)true")[0]
        )


def main():
    Gst.init(None)
    folder, port, *account = sys.argv[1:]
    files = sorted(pathlib.Path(folder).glob("*.h264"), key=lambda path: int(path.stem))
    going = threading.Event()
    going.set()
    live = Live([path.read_bytes() for path in files], going)
    live.connect("media-configure", lambda factory, media: factory.begin(media))
    jpeg = GstRtspServer.RTSPMediaFactory()
    jpeg.set_launch("( videotestsrc is-live=true ! jpegenc ! rtpjpegpay name=pay0 pt=26 )")
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    mounts = server.get_mount_points()
    mounts.add_factory("/live", live)
    mounts.add_factory("/jpeg", jpeg)
    if account:
        only_with(*account, server, [live, jpeg])
    server.attach(None)
    loop = GLib.MainLoop()

    def orders():
        for line in sys.stdin:
            going.set() if line.strip() == "go" else going.clear()
        loop.quit()

    threading.Thread(target=orders, daemon=True).start()
    print(server.get_bound_port(), flush=True)
    loop.run()


main()
