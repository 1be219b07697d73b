// Another way to a session that goes on: ICE restarted over WHEP (RFC 9725 §4.3.3), as when a phone
// leaves its Wi-Fi. Owns the fragment and what becomes of the answer; when it is time is its caller's.

import * as access from "./access.js";

const FRAGMENT = "application/trickle-ice-sdpfrag";
const ANSWER_WITHIN_MS = 2_000;

/**
 * Asks for it. What was found before is used until the new way is; the connection's state tells.
 * @param {RTCPeerConnection} peer  @param {URL} session  @param {AbortSignal} over
 * @throws when the server does not answer, or cannot
 */
export async function restart(peer, session, over) {
  peer.restartIce();
  await peer.setLocalDescription();
  const response = await access.request(session, {
    method: "PATCH",
    headers: { "Content-Type": FRAGMENT, "If-Match": '"*"' },
    body: fragment(peer.localDescription.sdp),
    signal: over,
  }, ANSWER_WITHIN_MS);
  if (response.status !== 200) throw new Error(`the server answered ${response.status}`);
  await peer.setRemoteDescription({ type: "answer", sdp: renewed(peer.remoteDescription.sdp, await response.text()) });
}

/** What the server has to know of an offer: the credentials, and the section they are of. */
function fragment(offer) {
  const lines = ["a=ice-ufrag:", "a=ice-pwd:", "m=", "a=mid:"].map((key) => line(offer, key));
  return lines.map((found) => `${found}\r\n`).join("");
}

/** The answer there was, with the credentials and candidates of the fragment. */
function renewed(answer, given) {
  const candidates = given.split(/\r?\n/).filter((found) => found.startsWith("a=candidate:"));
  let told = false;
  return answer.split(/\r?\n/).flatMap((old) => {
    if (/^a=(candidate:|end-of-candidates)/.test(old)) return [];
    if (old.startsWith("a=ice-ufrag:")) return [line(given, "a=ice-ufrag:")];
    if (!old.startsWith("a=ice-pwd:")) return [old];
    // What is bundled shares the candidates of the first.
    const first = told ? [] : candidates;
    told = true;
    return [line(given, "a=ice-pwd:"), ...first];
  }).join("\r\n");
}

function line(sdp, key) {
  return sdp.split(/\r?\n/).find((found) => found.startsWith(key)) ?? "";
}

/** Calls `then` whenever this device comes to another network, until `life` ends. */
export function onAnotherNetwork(then, life) {
  addEventListener("online", then, { signal: life });
  const network = navigator.connection;
  let kind = network?.type;
  // Told whenever its speed is estimated anew, too; only phones say of which kind it is.
  network?.addEventListener?.("change", () => {
    if (network.type === kind) return;
    kind = network.type;
    then();
  }, { signal: life });
}
