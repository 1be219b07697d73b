// The viewer's token: asked for when the server wants one, and kept for this tab alone.
//
// A link may bring it along behind `#token=`. That part of an address never leaves the browser, and
// is taken out of the address line at once, so that it is not copied on by accident.

const KEY = "framegate.token";
let token = brought() ?? remembered();
let question = null;

function brought() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return null;
  history.replaceState(null, "", location.pathname + location.search);
  remember(given);
  return given;
}

// Storage may be forbidden (a strict browser, a page in a frame): the token then lasts for this page.
function remembered() { try { return sessionStorage.getItem(KEY); } catch { return null; } }
function remember(value) { try { sessionStorage.setItem(KEY, value); } catch { /* see above */ } }

/** Whether there is a token to send along. */
export function held() {
  return token !== null;
}

/** `given` and the token, for a request that cannot be asked again. */
export function headers(given = {}) {
  return token ? { ...given, Authorization: `Bearer ${token}` } : given;
}

/**
 * `fetch` with the token. A server that wants one, or another, makes the viewer be asked; the
 * request is then sent anew.
 * @param {URL} url  @param {RequestInit} options  @param {number} [withinMs] for each answer
 */
export async function request(url, options, withinMs) {
  for (;;) {
    const sent = token;
    const signals = [options.signal, withinMs && AbortSignal.timeout(withinMs)].filter(Boolean);
    const response = await fetch(url, { ...options, headers: headers(options.headers), signal: AbortSignal.any(signals) });
    if (response.status !== 401 && response.status !== 403) return response;
    // Another request may have been answered with a new one meanwhile.
    if (token === sent) await asked(response.status, sent);
    options.signal?.throwIfAborted();
  }
}

/** All who wait for a token wait for the same question. */
function asked(status, sent) {
  question ??= ask(sent === null ? "" : status === 403 ? "This token may not watch." : "The server does not know this token.")
    .then((given) => { token = given; remember(given); question = null; });
  return question;
}

function ask(trouble) {
  const dialog = document.createElement("dialog");
  dialog.className = "token";
  dialog.setAttribute("aria-labelledby", "token-title");
  dialog.innerHTML = `<form>
    <h2 id="token-title">Token</h2>
    <p id="token-why">This server shows its pictures to those who have one. It is kept until this tab is closed.</p>
    <p class="trouble" role="alert"></p>
    <input type="password" name="token" autocomplete="current-password" aria-labelledby="token-title" aria-describedby="token-why" required>
    <button type="submit">Watch</button>
  </form>`;
  dialog.querySelector(".trouble").textContent = trouble;
  // There is nothing to see without one: Escape would leave a page that does nothing.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = dialog.querySelector("input").value.trim();
      dialog.remove();
      resolve(given);
    });
  });
}
