"""A WHIP server by aiortc, for one stream.

usage: whip_server.py PICTURES

Prints its endpoint, and when so many pictures were decoded one JSON object: their size, and of each the luma
of the strip that carries the frame number (base64). Then it waits for the session's DELETE and prints its status.
"""

import asyncio
import base64
import json
import sys

from aiortc import RTCPeerConnection, RTCSessionDescription

TOKEN = "Bearer publish-0123456789"


class Server:
    def __init__(self, pictures):
        self.pictures = pictures
        self.peer = RTCPeerConnection()
        self.peer.on("track", lambda track: asyncio.ensure_future(self.look(track)))
        self.ended = asyncio.get_running_loop().create_future()

    async def look(self, track):
        strips, size = [], None
        for _ in range(self.pictures):
            frame = (await track.recv()).to_ndarray(format="gray")
            size = frame.shape[1], frame.shape[0]
            strips.append(base64.b64encode(frame[: max(4, frame.shape[0] // 25)].tobytes()).decode())
        print(json.dumps({"size": size, "strips": strips}), flush=True)

    async def answer(self, reader, writer):
        """One request of HTTP/1.1 on a connection that is then closed."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        status, more, text = await self.respond(head.split(" ")[:2], headers, body)
        length = f"Content-Length: {len(text)}\r\nConnection: close\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n{more}{length}\r\n{text}".encode())
        await writer.drain()
        writer.close()

    async def respond(self, asked, headers, body):
        if headers.get("authorization") != TOKEN.lower():
            return "401 Unauthorized", "WWW-Authenticate: Bearer\r\n", ""
        if asked == ["DELETE", "/whip/1"]:
            self.ended.set_result("DELETE")
            return "200 OK", "", ""
        if asked != ["POST", "/whip"] or headers.get("content-type") != "application/sdp":
            return "400 Bad Request", "", ""
        await self.peer.setRemoteDescription(RTCSessionDescription(body, "offer"))
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        more = "Content-Type: application/sdp\r\nLocation: /whip/1\r\n"
        return "201 Created", more, self.peer.localDescription.sdp


async def serve(pictures):
    server = Server(pictures)
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/whip", flush=True)
    print(await server.ended, flush=True)
    await server.peer.close()


asyncio.run(asyncio.wait_for(serve(int(sys.argv[1])), 120))
