"""Plays a WHEP endpoint with aiortc, a WebRTC stack that shares no code with ours or a browser's.

usage: play.py ENDPOINT PICTURES

Prints one JSON object: the pictures' size, of each picture the luma of the strip that carries the frame
number (base64) and its RTP time, the messages of the data channel, and how DELETE went.
"""

import asyncio
import base64
import json
import sys
import urllib.parse
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription


def request(method, url, body=None):
    headers = {"Content-Type": "application/sdp"} if body else {}
    asked = urllib.request.Request(url, data=body and body.encode(), method=method, headers=headers)
    return urllib.request.urlopen(asked, timeout=30)


async def play(endpoint, pictures):
    peer = RTCPeerConnection()
    peer.addTransceiver("video", direction="recvonly")
    channel = peer.createDataChannel("detections", ordered=False, maxRetransmits=0)
    messages = []
    channel.on("message", lambda text: messages.append(json.loads(text)))
    tracks = asyncio.get_running_loop().create_future()
    peer.on("track", tracks.set_result)

    await peer.setLocalDescription(await peer.createOffer())
    answer = await asyncio.to_thread(request, "POST", endpoint, peer.localDescription.sdp)
    session = urllib.parse.urljoin(endpoint, answer.headers["Location"])
    await peer.setRemoteDescription(RTCSessionDescription(answer.read().decode(), "answer"))

    track = await tracks
    strips, times, size = [], [], None
    for _ in range(pictures):
        picture = await track.recv()
        times.append(picture.pts)
        frame = picture.to_ndarray(format="gray")
        size = frame.shape[1], frame.shape[0]
        strips.append(base64.b64encode(frame[: max(4, frame.shape[0] // 25)].tobytes()).decode())
    # aiortc counts a picture's time from the first, and keeps to itself what that one's was.
    first = peer.getReceivers()[0]._RTCRtpReceiver__timestamp_mapper._origin
    times = [(first + time) % 2**32 for time in times]
    ended = await asyncio.to_thread(request, "DELETE", session)
    await peer.close()
    return {"size": size, "strips": strips, "times": times, "messages": messages, "ended": ended.status}


print(json.dumps(asyncio.run(asyncio.wait_for(play(sys.argv[1], int(sys.argv[2])), 120))))
