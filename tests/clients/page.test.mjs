// The web page in a real browser against the real server with the built-in model. With IMAGENT_SCREENSHOTS=FOLDER its
// pictures are kept for the docs.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { join } from "node:path";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { golden, startHub, startServer } from "./server.mjs";

let server, hub, browser, page;
const requests = [];

before(async () => {
  hub = await startHub();
  const folders = { models: "models", lora: "adapters", vae: "taesd", controlnet: "models", upscalers: "upscale" };
  const flags = Object.entries(folders).flatMap(([name, path]) => [`--${name}-dir`, golden(path)]);
  server = await startServer([...flags, "--allow-downloads"], { HF_ENDPOINT: hub?.url ?? "http://127.0.0.1:9", no_proxy: "127.0.0.1" });
  browser = await chromium.launch({
    executablePath: process.env.IMAGENT_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});
after(async () => {
  await browser?.close();
  await server?.stop();
  hub?.stop();
});
beforeEach(async () => {
  await page?.context().close();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US", acceptDownloads: true });
  page = await context.newPage();
  page.setDefaultTimeout(30000);
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => assert.fail(error));
  await page.goto(server.url);
  await page.getByRole("button", { name: "Generate" }).waitFor();
});

const shoot = async (name) => {
  if (process.env.IMAGENT_SCREENSHOTS) await page.screenshot({ path: join(process.env.IMAGENT_SCREENSHOTS, `${name}.png`) });
};
const fill = (label, value) => page.getByLabel(label, { exact: true }).fill(String(value));
const settings = async ({ size = 64, steps = 2, seed = 5 } = {}) => {
  await fill("Width", size);
  await fill("Height", size);
  await fill("Steps", steps);
  await fill("Seed", seed);
};
const results = () => page.locator(".result .pictures img");
const draw = async (prompt = "a red house by the sea") => {
  await page.getByLabel("Prompt", { exact: true }).fill(prompt);
  await page.getByRole("button", { name: "Generate" }).click();
  await results().first().waitFor();
};
const pngOf = (width, height, background) => sharp({ create: { width, height, channels: 3, background } }).png().toBuffer();
const sizeOf = async (locator) => locator.evaluate((image) => [image.naturalWidth, image.naturalHeight]);

test("draws with progress and preview, and asks nobody else", async () => {
  await settings({ size: 128, steps: 12 });
  await page.getByLabel("Prompt", { exact: true }).fill("a red house by the sea at sunset");
  await page.keyboard.press("Control+Enter");
  await page.locator(".result progress").waitFor();
  await page.locator(".result .preview").waitFor();
  await results().first().waitFor();
  assert.deepEqual(await sizeOf(results().first()), [128, 128]);
  await shoot("create");
  for (const url of requests) assert.ok(url.startsWith(server.url) || url.startsWith("data:") || url.startsWith("blob:"), url);
});

test("counts tokens and changes the weight of a word", async () => {
  const prompt = page.getByLabel("Prompt", { exact: true });
  await prompt.fill("a red house");
  await page.getByText("3/75 tokens").waitFor();
  await prompt.press("End");
  await prompt.press("Control+ArrowUp");
  assert.equal(await prompt.inputValue(), "a red (house:1.1)");
  await prompt.press("Control+ArrowUp");
  assert.equal(await prompt.inputValue(), "a red (house:1.2)");
  await prompt.press("Control+ArrowDown");
  await prompt.press("Control+ArrowDown");
  assert.equal(await prompt.inputValue(), "a red house");
});

test("interrupts", async () => {
  await settings({ size: 256, steps: 100 });
  await page.getByLabel("Prompt", { exact: true }).fill("a long picture");
  await page.getByRole("button", { name: "Generate" }).click();
  await page.locator(".result progress").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".result progress").waitFor({ state: "detached" });
});

test("keeps seed, size presets and batches", async () => {
  await settings({ seed: 77 });
  await fill("Batch", 2);
  await fill("Batches", 2);
  await draw();
  assert.equal(await results().count(), 4);
  await page.getByRole("button", { name: "Random seed" }).click();
  await page.getByRole("button", { name: "Seed of the shown picture" }).click();
  assert.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), "77");
  await page.getByLabel("Size", { exact: true }).selectOption("512x768");
  await page.getByRole("button", { name: "Swap width and height" }).click();
  assert.equal(await page.getByLabel("Width", { exact: true }).inputValue(), "768");
  await page.reload();
  assert.equal(await page.getByLabel("Width", { exact: true }).inputValue(), "768");
});

test("gallery: search, favourite, settings, send-to, delete", async () => {
  await settings({ seed: 4242 });
  await draw("a lonely lighthouse");
  await page.getByRole("button", { name: "Gallery" }).click();
  await page.getByLabel("Search in prompts").fill("lighthouse");
  const thumbnails = page.locator(".thumbnails button");
  await page.waitForFunction(() => document.querySelectorAll(".thumbnails button").length === 1);
  await shoot("gallery");
  await thumbnails.first().click();
  await page.getByRole("dialog").getByText("Seed: 4242").waitFor();
  await page.getByRole("button", { name: "Favourite", exact: false }).last().click();
  await page.getByRole("button", { name: "Use its settings" }).click();
  await page.getByRole("button", { name: "Generate" }).waitFor();
  await page.waitForFunction(() => document.querySelector("textarea").value === "a lonely lighthouse");
  await page.getByRole("button", { name: "Gallery" }).click();
  await page.getByRole("button", { name: "★ Favourites" }).click();
  await page.locator(".thumbnails .star").first().waitFor();
  await thumbnails.first().click();
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  assert.match((await download).suggestedFilename(), /imagent-4242\.png/);
  page.on("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("No pictures yet.").waitFor();
});

test("a dropped picture fills the form", async () => {
  await settings({ seed: 99 });
  await draw("a dropped picture");
  const uri = await results().first().getAttribute("src");
  await page.getByLabel("Prompt", { exact: true }).fill("");
  await page.evaluate(async (uri) => {
    const blob = await (await fetch(uri)).blob();
    const transfer = new DataTransfer();
    transfer.items.add(new File([blob], "x.png", { type: "image/png" }));
    document.querySelector(".page").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }, uri);
  await page.waitForFunction(() => document.querySelector("textarea").value === "a dropped picture");
  assert.equal(await page.getByLabel("Seed", { exact: true }).inputValue(), "99");
});

test("image to image, with before and after", async () => {
  await page.getByRole("button", { name: "Image to image" }).click();
  await settings();
  await page.locator(".drop input[type=file]").first().setInputFiles({ name: "in.png", mimeType: "image/png", buffer: await pngOf(64, 64, "teal") });
  await page.getByLabel("Prompt", { exact: true }).fill("a teal sea");
  await page.getByRole("button", { name: "Generate" }).click();
  await page.getByLabel("Before and after").waitFor();
  await page.getByLabel("Before and after").fill("20");
  await shoot("img2img");
});

test("inpainting: brush, undo, redo; outside the mask nothing changes", async () => {
  await page.getByRole("button", { name: "Inpaint" }).click();
  await settings({ size: 128 });
  await page.locator(".drop input[type=file]").first().setInputFiles({ name: "in.png", mimeType: "image/png", buffer: await pngOf(128, 128, "teal") });
  const canvas = page.locator(".mask canvas");
  await page.waitForFunction(() => document.querySelector(".mask canvas")?.width === 128 && [...document.images].every((image) => image.complete));
  await page.getByLabel("Blur of the mask").fill("0");
  // hover() waits until the layout stands still and scrolls the canvas into the window.
  const over = async (x, y) => canvas.hover({ position: await canvas.evaluate((c, [x, y]) => ({ x: c.clientWidth * x, y: c.clientHeight * y }), [x, y]) });
  await over(0.15, 0.5);
  await page.mouse.down();
  await over(0.2, 0.6);
  await page.mouse.up();
  const painted = () => canvas.evaluate((c) => c.getContext("2d").getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 0 && v > 0).length);
  assert.ok((await painted()) > 0);
  await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await painted(), 0);
  await page.getByRole("button", { name: "Redo" }).click();
  assert.ok((await painted()) > 0);
  await page.getByLabel("Prompt", { exact: true }).fill("a boat");
  await page.getByRole("button", { name: "Generate" }).click();
  const after = page.locator(".compare img").first();
  await after.waitFor();
  await shoot("inpaint");
  const uri = await after.getAttribute("src");
  const pixels = await sharp(Buffer.from(uri.split(",")[1], "base64")).removeAlpha().raw().toBuffer();
  assert.deepEqual([...pixels.subarray((10 * 128 + 120) * 3, (10 * 128 + 120) * 3 + 3)], [0, 128, 128]);
});

test("queue: several jobs, each can be cancelled", async () => {
  await settings({ size: 1024, steps: 150 });
  await page.getByLabel("Prompt", { exact: true }).fill("queued");
  const generate = page.getByRole("button", { name: "Generate" });
  for (let i = 0; i < 3; ++i) await generate.click();
  await page.getByRole("button", { name: "Queue" }).click();
  const cancels = page.getByRole("button", { name: "Cancel" });
  await page.waitForFunction(() => [...document.querySelectorAll(".queue button")].length === 3);
  await shoot("queue");
  for (let left = 3; left > 0; --left) {
    await cancels.first().click();
    await page.waitForFunction((n) => document.querySelectorAll(".queue button").length < n, left);
  }
});

test("styles, plot, upscaling", async () => {
  await settings();
  await page.getByLabel("Prompt", { exact: true }).fill("oil painting of {prompt}");
  page.once("dialog", (dialog) => void dialog.accept("oil"));
  await page.getByRole("button", { name: "Keep as a style" }).click();
  await page.getByLabel("Prompt", { exact: true }).fill("a tree");
  await page.getByLabel("Style", { exact: true }).selectOption("oil");
  assert.equal(await page.getByLabel("Prompt", { exact: true }).inputValue(), "oil painting of a tree");
  await page.getByRole("button", { name: "Tools" }).click();
  await page.getByLabel("X Values, with commas").fill("1, 2");
  await page.getByRole("button", { name: "Draw" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".plot img").length === 2);
  await page.locator(".tools input[type=file]").setInputFiles({ name: "in.png", mimeType: "image/png", buffer: await pngOf(32, 24, "teal") });
  await page.getByRole("button", { name: "Upscale" }).click();
  const after = page.locator(".compare img").first();
  await after.waitFor();
  assert.deepEqual(await sizeOf(after), [64, 48]);
  await shoot("tools");
});

const lastJob = async () => (await (await fetch(`${server.url}/v1/jobs?limit=1`)).json()).jobs[0];
const drawAgain = async (prompt) => {
  const before = await results().count() ? await results().first().getAttribute("src") : null;
  await page.getByLabel("Prompt", { exact: true }).fill(prompt);
  await page.getByRole("button", { name: "Generate" }).click();
  await page.waitForFunction((old) => { const image = document.querySelector(".result .pictures img"); return image && image.src !== old; }, before);
};

test("model, VAE and LoRA are chosen from what the server has", async () => {
  await settings();
  await page.getByLabel("Model", { exact: true }).first().selectOption("sd15");
  await drawAgain("a bird");
  assert.equal((await lastJob()).request.model, "sd15");
  await page.getByLabel("VAE", { exact: true }).selectOption("toy_decoder");
  await drawAgain("a bird");
  assert.equal((await lastJob()).request.vae, "toy_decoder");
  await page.getByLabel("LoRA", { exact: true }).selectOption("kohya");
  const prompt = await page.getByLabel("Prompt", { exact: true }).inputValue();
  assert.match(prompt, /<lora:kohya:1>$/);
  await drawAgain(prompt);
  await page.getByRole("button", { name: "Look again for models" }).click();
  await shoot("pickers");
});

test("a second pass in high resolution, by a network", async () => {
  await settings();
  await page.locator("summary", { hasText: "High resolution pass" }).click();
  await page.getByRole("checkbox", { name: "High resolution pass" }).check();
  await page.getByLabel("Upscaler", { exact: true }).selectOption("rrdb_x2_plain");
  await draw();
  assert.deepEqual(await sizeOf(results().first()), [128, 128]);
});

test("ControlNet shows the edges it will follow", async () => {
  await settings({ size: 64 });
  await page.getByLabel("Model", { exact: true }).first().selectOption("sd15");
  await page.locator("summary", { hasText: "ControlNet" }).click();
  const panel = page.locator("details", { has: page.locator("summary", { hasText: "ControlNet" }) });
  await panel.getByRole("checkbox").check();
  await panel.locator("input[type=file]").setInputFiles(golden("pipelines/controlnet-sd15/hint_0.png"));
  await panel.getByLabel("Model", { exact: true }).selectOption("controlnet-sd15");
  await panel.getByRole("button", { name: "Show the edges" }).click();
  const edges = panel.locator("img.edges");
  await edges.waitFor();
  await page.waitForFunction(() => document.querySelector("img.edges").naturalWidth > 0);
  await drawAgain("a bird");
  const [unit] = JSON.parse((await lastJob()).request.controls);
  assert.equal(unit.model, "controlnet-sd15");
  assert.equal(unit.preprocess, "canny");
  await edges.scrollIntoViewIfNeeded();
  await shoot("controlnet");
});

test("a model is fetched with progress, stopped, and fetched to its end", async (context) => {
  if (!hub) return context.skip("there is no fake hub");
  await page.getByRole("button", { name: "Tools" }).click();
  await page.getByLabel("Name on the hub").fill("org/model");
  const row = page.locator(".download");
  const start = page.locator("fieldset", { hasText: "Download a model" }).getByRole("button", { name: "Download" });
  await start.click();
  await page.waitForFunction(() => document.querySelector(".download progress")?.value > 0);
  await shoot("download");
  await row.getByRole("button", { name: "Cancel" }).click();
  await row.waitFor({ state: "detached" });
  await page.getByText("the download was cancelled").waitFor();
  await start.click();
  await row.waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Tools" }).click();
  await row.waitFor();
  await row.waitFor({ state: "detached", timeout: 120000 });
  await page.getByRole("button", { name: "Create" }).click();
  await settings();
  await page.waitForFunction(() => [...document.querySelectorAll("select option")].some((option) => option.value === "org/model"));
  await page.getByLabel("Model", { exact: true }).first().selectOption("org/model");
  await drawAgain("a boat");
  assert.match((await lastJob()).request.model, /model$/);
});

test("phone width, dark, other languages, keyboard", async () => {
  await page.setViewportSize({ width: 375, height: 740 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 375), "no sideways scrolling");
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByText("Running for").waitFor();
  await page.getByLabel("Appearance").selectOption("dark");
  for (const [language, word] of [["de", "Zeichnen"], ["fr", "Créer"], ["pt", "Criar"], ["en", "Create"]]) {
    await page.locator("select").first().selectOption(language);
    await page.getByRole("button", { name: word }).waitFor();
  }
  await page.getByRole("button", { name: "Create" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Generate" }).waitFor();
  await shoot("phone");
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, textarea")].filter((e) => !(e.textContent.trim() || e.labels?.length || e.getAttribute("aria-label"))).length);
  assert.equal(unnamed, 0, "every control has a name");
});
