// The bare player at `/{relay}`, for embedding: one picture, its boxes, nothing else.

import { Stage } from "./stage.js";

const relay = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop());
document.title = `${relay} · Framegate`;
new Stage(document.querySelector(".stage"), new URL(`../${relay}/whep`, import.meta.url));
