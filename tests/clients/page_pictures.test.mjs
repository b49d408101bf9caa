// Pictures on the page: the gallery, what can be done with one, drawing over one, painting masks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, button, draw, field, fileOf, fill, give, lastJob, page, pixelOf, pngOf, result, settings, shoot, sizeOf, tab, usePage } from "./page.mjs";

usePage();

const start = () => page.locator(".drop", { hasText: "Picture to start from" });
const choose = async (buffer) => {
  await start().locator("input[type=file]").setInputFiles(fileOf(buffer));
  await start().locator("img").waitFor();
};
const dialog = () => page.getByRole("dialog");

test("gallery: search, favourite, neighbours, settings, download, delete", async () => {
  await settings({ seed: 4242 });
  await fill("Batch", 2);
  await draw("a lonely lighthouse");
  await tab("Gallery");
  await page.getByLabel("Search in prompts").fill("lighthouse");
  const thumbnails = page.locator(".thumbnails button");
  await page.getByText("2 pictures").waitFor();
  await page.getByLabel("Search in prompts").fill("no such words");
  await page.getByText("Nothing found.").waitFor();
  await page.getByLabel("Search in prompts").fill("lighthouse");
  await page.getByText("2 pictures").waitFor();
  await shoot("gallery");
  await thumbnails.last().click();
  await dialog().getByText("Seed: 4242").waitFor();
  await page.keyboard.press("ArrowLeft");
  await dialog().getByText("Seed: 4243").waitFor();
  await page.keyboard.press("ArrowRight");
  await dialog().getByText("Seed: 4242").waitFor();
  await shoot("picture");
  await dialog().getByRole("button", { name: "Favourite" }).click();
  await dialog().locator("[aria-pressed=true]").waitFor();
  const download = page.waitForEvent("download");
  await dialog().getByRole("link", { name: "Download" }).click();
  assert.match((await download).suggestedFilename(), /imagent-4242\.png/);
  await dialog().getByRole("button", { name: "Use its settings" }).click();
  assert.equal(await field("Prompt").inputValue(), "a lonely lighthouse");
  assert.equal(await field("Seed").inputValue(), "4242");
  assert.equal(await field("Sampler").evaluate((select) => select.selectedOptions[0].label), (await api("/v1/gallery?limit=1")).pictures[0].fields.Sampler);
  await tab("Gallery");
  await button("Favourites").click();
  await page.getByText("1 pictures").waitFor(); // and not those that were there before
  page.on("dialog", (question) => void question.accept());
  await thumbnails.first().click();
  await dialog().getByRole("button", { name: "Delete" }).click();
  await dialog().waitFor({ state: "detached" });
  await page.getByText("Nothing found.").waitFor();
  await button("Favourites").click();
  await thumbnails.first().click();
  await dialog().getByText("Seed: 424").waitFor();
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
});

test("beside the result: details, favourite, send-to, download, delete", async () => {
  await settings({ size: 256, steps: 12, seed: 31 });
  await draw("a red house by the sea at sunset");
  const actions = page.locator(".result .actions");
  const download = page.waitForEvent("download");
  await actions.getByRole("link", { name: "Download" }).click();
  assert.match((await download).suggestedFilename(), /imagent-31\.png/);
  await actions.getByRole("button", { name: "Favourite" }).click();
  await actions.locator("[aria-pressed=true]").waitFor();
  await actions.getByRole("button", { name: "Details" }).click();
  await dialog().getByText("a red house").first().waitFor();
  await dialog().getByRole("button", { name: "Close" }).click();
  await actions.getByRole("button", { name: "To image to image" }).click();
  await start().locator("img").waitFor();
  assert.equal(await button("Image to image").getAttribute("aria-pressed"), "true");
  await actions.getByRole("button", { name: "To inpaint" }).click();
  await page.waitForFunction(() => document.querySelector(".mask canvas")?.width === 256);
  await stroke([0.3, 0.6], [0.6, 0.7]);
  await fill("Right", 64);
  await page.locator(".drop").scrollIntoViewIfNeeded();
  await page.locator(".prompts button[type=submit]").evaluate((element) => element.scrollIntoView());
  await shoot("inpaint");
  await actions.getByRole("button", { name: "To ControlNet" }).click();
  await page.locator(".drop", { hasText: "Picture to follow" }).locator("img").waitFor();
  await actions.getByRole("button", { name: "To upscale" }).click();
  await page.locator(".tools .drop img").waitFor();
  await tab("Create");
  page.once("dialog", (question) => void question.accept());
  await actions.getByRole("button", { name: "Delete" }).click();
  await page.getByText("The picture will appear here.").waitFor();
});

test("a dropped, pasted or chosen picture fills the form", async () => {
  await settings({ seed: 99 });
  await page.locator("summary", { hasText: "High resolution pass" }).click();
  await page.getByRole("checkbox", { name: "High resolution pass" }).check();
  await fill("Scale", 1.5);
  await draw("a told picture");
  const uri = await result().getAttribute("src");
  const file = Buffer.from(await page.evaluate(async (uri) => [...new Uint8Array(await (await fetch(uri)).arrayBuffer())], uri));
  for (const way of ["drop", "paste", "choose"]) {
    await button("Reset the form").click();
    assert.equal(await field("Prompt").inputValue(), "");
    if (way === "choose") await page.locator("input[type=file][aria-label='Settings of a picture']").setInputFiles(fileOf(file));
    else await give(way === "drop" ? ".page" : "body", way, uri);
    await page.waitForFunction(() => document.querySelector("textarea").value === "a told picture");
    assert.equal(await field("Seed").inputValue(), "99", way);
    assert.equal(await field("Scale").inputValue(), "1.5", way);
    assert.ok(await page.getByRole("checkbox", { name: "High resolution pass" }).isChecked(), way);
  }
  await give(".page", "drop", `data:image/png;base64,${(await pngOf(8, 8, "teal")).toString("base64")}`);
  await page.getByText("This picture does not say how it was made.").waitFor();
});

test("image to image, with before and after", async () => {
  await button("Image to image").click();
  await fill("Steps", 2);
  const teal = `data:image/png;base64,${(await pngOf(96, 64, "teal")).toString("base64")}`;
  await give(".drop", "drop", teal);
  await start().locator("img").waitFor();
  await start().getByRole("button", { name: "Remove" }).click();
  await give(".drop", "paste", teal);
  await start().locator("img").waitFor();
  await draw("a teal sea");
  assert.deepEqual(await sizeOf(result()), [96, 64], "as the picture");
  const before = page.locator(".compare img[alt=Before]");
  await page.getByLabel("Before and after").fill("20");
  assert.match(await before.getAttribute("style"), /inset\(0(px)? 80%/);
  const boxes = await Promise.all([before, result()].map((image) => image.boundingBox()));
  assert.deepEqual(boxes[0], boxes[1], "one lies on the other");
  await shoot("img2img");
});

const canvas = () => page.locator(".mask canvas");
const painted = () => canvas().evaluate((c) => c.getContext("2d").getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 127).length);
// hover() waits until the layout stands still and scrolls the canvas into the window.
const over = async (x, y) => canvas().hover({ position: await canvas().evaluate((c, [x, y]) => ({ x: c.clientWidth * x, y: c.clientHeight * y }), [x, y]) });
const stroke = async (from, to) => {
  await over(...from);
  await page.mouse.down();
  await over(...to);
  await page.mouse.up();
};
const openCanvas = async (size = 128) => {
  await button("Inpaint").click();
  await choose(await pngOf(size, size, "teal"));
  await page.waitForFunction((size) => document.querySelector(".mask canvas")?.width === size, size);
  await fill("Steps", 2);
};

test("inpainting: brush, eraser, undo, redo, invert, clear; outside the mask nothing changes", async () => {
  await openCanvas();
  await fill("Blur of the mask", 0);
  await stroke([0.15, 0.5], [0.2, 0.6]);
  const first = await painted();
  assert.ok(first > 0);
  await button("Undo").click();
  assert.equal(await painted(), 0);
  await button("Redo").click();
  assert.equal(await painted(), first);
  await button("Invert").click();
  assert.equal(await painted(), 128 * 128 - first);
  await button("Undo").click();
  await button("Eraser").click();
  await stroke([0.1, 0.5], [0.3, 0.6]);
  assert.ok((await painted()) < first);
  await button("Clear").click();
  assert.equal(await painted(), 0);
  await button("Undo").click();
  await button("Undo").click();
  assert.equal(await painted(), first);
  await tab("Gallery");
  await tab("Create");
  await page.waitForFunction(() => document.querySelector(".mask canvas")?.width === 128);
  await page.waitForFunction(() => document.querySelector(".mask canvas").getContext("2d").getImageData(20, 64, 1, 1).data[3] > 0);
  assert.equal(await painted(), first, "the strokes are still there");
  await draw("a boat");
  assert.deepEqual(await pixelOf(result(), 120, 10), [0, 128, 128]);
  await page.getByRole("checkbox", { name: "Only the masked part" }).check();
  await fill("Padding", 16);
  await draw("a boat");
  assert.equal((await lastJob()).request.only_masked, "true");
  assert.deepEqual(await sizeOf(result()), [128, 128]);
});

test("a mask is painted by keys alone", async () => {
  await openCanvas();
  const frame = page.getByRole("application");
  await frame.focus();
  await frame.press("Space");
  await frame.press("ArrowRight");
  await frame.press("ArrowRight");
  await frame.press("Space");
  const line = await painted();
  assert.ok(line > 0);
  await frame.press("ArrowDown");
  assert.equal(await painted(), line, "lifted, it does not paint");
  await frame.press("e");
  await frame.press("]");
  await frame.press("Enter");
  await frame.press("Enter");
  assert.ok((await painted()) < line);
  await frame.press("Control+z");
  assert.equal(await painted(), line);
  await frame.press("Control+z");
  assert.equal(await painted(), 0);
  await frame.press("Control+y");
  assert.equal(await painted(), line);
});

test("outpainting shows what is added, and adds it", async () => {
  await openCanvas(64);
  await button("Generate").click();
  await page.getByText("The prompt is empty").waitFor();
  await fill("Prompt", "a wide sea");
  await button("Generate").click();
  await page.getByText("Paint what is to be drawn anew").waitFor();
  await fill("Left", 32);
  await fill("Blur of the mask", 0);
  const frame = await page.locator(".outer").boundingBox(), picture = await page.locator(".outer .stack").boundingBox();
  assert.ok(Math.abs((picture.x - frame.x) / frame.width - 1 / 3) < 0.02, "the frame shows a third to the left");
  await draw();
  assert.deepEqual(await sizeOf(result()), [96, 64]);
  assert.deepEqual(await pixelOf(result(), 90, 30), [0, 128, 128], "the picture stays");
  assert.equal((await lastJob()).request.strength, "1");
  await shoot("outpaint");
});

test("upscaling", async () => {
  await tab("Tools");
  const tool = page.locator("fieldset", { hasText: "Upscale" }).first();
  await tool.locator("input[type=file]").setInputFiles(fileOf(await pngOf(32, 24, "teal")));
  await tool.locator(".drop img").waitFor();
  await tool.getByLabel("Upscaler", { exact: true }).selectOption("rrdb_x2_plain");
  await fill("Scale", 3);
  await tool.getByRole("button", { name: "Upscale", exact: true }).click();
  const large = page.locator(".compare img[alt=After]");
  await large.waitFor();
  assert.deepEqual(await sizeOf(large), [96, 72]);
  const download = page.waitForEvent("download");
  await tool.getByRole("button", { name: "Download" }).click();
  assert.equal((await download).suggestedFilename(), "upscaled.png");
});
