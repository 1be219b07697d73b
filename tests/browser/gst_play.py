"""Plays a WHEP endpoint with GStreamer's webrtcbin, a stack of its own: libnice, libsrtp, OpenSSL.

usage: gst_play.py ENDPOINT PICTURES

Prints one JSON object: how many pictures were decoded, their size, the luma of the strip that
carries the frame number (base64) of each, and how DELETE went. Needs Debian's python3-gi,
gir1.2-gst-plugins-bad-1.0, gstreamer1.0-plugins-bad, gstreamer1.0-nice and gstreamer1.0-libav.
"""

import base64
import json
import sys
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

WITHIN_SECONDS = 120


def request(method, url, body=None):
    headers = {"Content-Type": "application/sdp"} if body else {}
    asked = urllib.request.Request(url, data=body and body.encode(), method=method, headers=headers)
    return urllib.request.urlopen(asked, timeout=30)


class Player:
    def __init__(self, endpoint, pictures):
        self.endpoint, self.pictures = endpoint, pictures
        self.strips, self.size, self.session, self.trouble = [], None, None, None
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline.new("play")
        self.peer = Gst.ElementFactory.make("webrtcbin", "peer")
        self.peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.peer)
        codec = "application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000,packetization-mode=(string)1,profile-level-id=(string)42e01f"
        self.peer.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(codec))
        self.peer.connect("on-negotiation-needed", self.negotiate)
        self.peer.connect("notify::ice-gathering-state", self.gathered)
        self.peer.connect("pad-added", self.show)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: self.give_up(str(message.parse_error())))
        GLib.timeout_add_seconds(WITHIN_SECONDS, lambda: self.give_up("it took too long"))

    def give_up(self, trouble):
        self.trouble = self.trouble or trouble
        self.loop.quit()

    def negotiate(self, peer):
        def offered(promise):
            # The reply owns the offer: it must be held for as long as the offer is used.
            promise.wait()
            reply = promise.get_reply()
            peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())
        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(offered))

    def gathered(self, peer, _):
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.session:
            GLib.idle_add(self.exchange)

    def exchange(self):
        offer = self.peer.get_property("local-description").sdp.as_text()
        try:
            answer = request("POST", self.endpoint, offer)
        except urllib.error.HTTPError as error:
            self.give_up(f"{error}: {error.read().decode()}\n{offer}")
            return False
        self.session = urllib.parse.urljoin(self.endpoint, answer.headers["Location"])
        _, sdp = GstSdp.SDPMessage.new_from_text(answer.read().decode())
        described = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.peer.emit("set-remote-description", described, Gst.Promise.new())
        return False

    def show(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        text = "rtph264depay ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=out emit-signals=true sync=false"
        shown = Gst.parse_bin_from_description(text, True)
        shown.get_by_name("out").connect("new-sample", self.picture)
        self.pipeline.add(shown)
        shown.sync_state_with_parent()
        pad.link(shown.get_static_pad("sink"))

    def picture(self, sink):
        sample = sink.emit("pull-sample")
        caps = sample.get_caps().get_structure(0)
        width, height = caps.get_value("width"), caps.get_value("height")
        buffer = sample.get_buffer()
        stride = buffer.get_size() // height
        luma = buffer.extract_dup(0, buffer.get_size())
        rows = range(max(4, height // 25))
        strip = b"".join(luma[row * stride : row * stride + width] for row in rows)
        self.size = width, height
        self.strips.append(base64.b64encode(strip).decode())
        if len(self.strips) >= self.pictures:
            GLib.idle_add(self.loop.quit)
        return Gst.FlowReturn.OK

    def play(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        ended = request("DELETE", self.session).status if self.session else None
        self.pipeline.set_state(Gst.State.NULL)
        if self.trouble:
            sys.exit(self.trouble)
        return {"size": self.size, "strips": self.strips[: self.pictures], "ended": ended}


Gst.init(None)
print(json.dumps(Player(sys.argv[1], int(sys.argv[2])).play()))
