// The web page in a real browser against the real server with the built-in model, for page_*.test.mjs. With
// IMAGENT_SCREENSHOTS=FOLDER pictures of it are kept for the docs.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { golden, startHub, startServer } from "./server.mjs";

export let server, hub, page, context;
let browser, folder;
const requests = [];

const styles = `name,prompt,negative_prompt\nWatercolour,"watercolour of {prompt}, wet paper",photo\nNight,"at night, many stars",day\n`;

export function usePage() {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "imagent-page-"));
    writeFileSync(join(folder, "styles.csv"), styles);
    hub = await startHub();
    const places = { models: "models", lora: "adapters", vae: "taesd", controlnet: "models", upscalers: "upscale", embeddings: "adapters" };
    const flags = Object.entries(places).flatMap(([name, path]) => [`--${name}-dir`, golden(path)]);
    server = await startServer([...flags, "--styles-file", join(folder, "styles.csv"), "--allow-downloads", "--batch", "2"], { HF_ENDPOINT: hub?.url ?? "http://127.0.0.1:9", no_proxy: "127.0.0.1" });
    browser = await chromium.launch({
      executablePath: process.env.IMAGENT_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    hub?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => openPage());
  afterEach(() => {
    for (const url of requests.splice(0)) assert.ok(url.startsWith(server.url) || url.startsWith("data:") || url.startsWith("blob:"), `asks somebody else: ${url}`);
  });
}

// A page of a browser that was never here.
export async function openPage(options = {}) {
  await context?.close();
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US", acceptDownloads: true, ...options });
  page = await context.newPage();
  page.setDefaultTimeout(60000);
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => assert.fail(error));
  await page.goto(server.url);
  await page.locator("button[type=submit]").waitFor();
  await page.waitForFunction(() => document.querySelectorAll("select option").length > 20); // what the server has is known
}

export const shoot = async (name) => {
  if (!process.env.IMAGENT_SCREENSHOTS) return;
  await page.evaluate(() => Promise.all([...document.images].filter((image) => image.loading !== "lazy").map((image) => image.decode().catch(() => {}))));
  await page.screenshot({ path: join(process.env.IMAGENT_SCREENSHOTS, `${name}.png`) });
};

export const button = (name, more = {}) => page.getByRole("button", { name, exact: true, ...more });
export const tab = (name) => page.locator("nav").getByRole("button", { name }).click();
export const field = (label) => page.getByLabel(label, { exact: true });
export const fill = (label, value) => field(label).fill(String(value));
export const settings = async ({ size = 64, steps = 2, seed = 5 } = {}) => {
  await fill("Width", size);
  await fill("Height", size);
  await fill("Steps", steps);
  await fill("Seed", seed);
};
// A job that does not end before it is told to.
export const endless = { size: 1024, steps: 150 };

// Unfolds all that is folded.
export const unfold = async () => {
  const folded = page.locator("details:not([open]) > summary");
  while (await folded.count()) await folded.first().click();
};

export const result = () => page.locator(".result .stage img, .result .compare img[alt=After]");
// Draws with the form as it is, and waits for the new picture.
export const draw = async (prompt) => {
  const old = (await result().count()) ? await result().getAttribute("src") : "";
  if (prompt !== undefined) await fill("Prompt", prompt);
  await button("Generate").click();
  await page.waitForFunction((old) => {
    const image = document.querySelector(".result .stage img, .result .compare img[alt=After]");
    const message = document.querySelector(".result .message");
    if (message) throw new Error(message.textContent);
    return image && image.getAttribute("src") !== old && image.complete && image.naturalWidth > 0;
  }, old);
};

export const api = async (path, method = "GET") => (await fetch(server.url + path, { method })).json();
export const lastJob = async () => (await api("/v1/jobs?limit=1")).jobs[0];
export const pngOf = (width, height, background) => sharp({ create: { width, height, channels: 3, background } }).png().toBuffer();
export const fileOf = (buffer, name = "in.png") => ({ name, mimeType: "image/png", buffer });
export const sizeOf = (locator) => locator.evaluate(async (image) => (await image.decode(), [image.naturalWidth, image.naturalHeight]));
// The colour of a pixel of a drawn picture.
export const pixelOf = async (locator, x, y) => {
  const file = Buffer.from(await (await fetch(new URL(await locator.getAttribute("src"), server.url))).arrayBuffer());
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
};
// Drops or pastes a file on an element.
export const give = (selector, type, uri) =>
  page.evaluate(
    async ([selector, type, uri]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([await (await fetch(uri)).blob()], "x.png", { type: "image/png" }));
      const how = { bubbles: true, cancelable: true };
      const event = type === "drop" ? new DragEvent(type, { ...how, dataTransfer: transfer }) : new ClipboardEvent(type, { ...how, clipboardData: transfer });
      document.querySelector(selector).dispatchEvent(event);
    },
    [selector, type, uri],
  );
