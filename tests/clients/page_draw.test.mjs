// The page's form: prompts, settings, progress, and what goes with a model.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, button, context, draw, endless, field, fill, lastJob, page, result, settings, shoot, sizeOf, tab, usePage } from "./page.mjs";
import { golden } from "./server.mjs";

usePage();

test("draws with progress and preview", async () => {
  await settings({ size: 256, steps: 20 });
  await fill("Prompt", "a red house by the sea at sunset");
  await page.keyboard.press("Control+Enter");
  await page.locator(".result progress").waitFor();
  await page.getByText(/\d+\/20 +\d:\d\d left/).waitFor();
  await page.waitForFunction(() => /^\d+ % imagent$/.test(document.title));
  await page.locator(".result .preview").waitFor();
  await result().waitFor();
  assert.deepEqual(await sizeOf(result()), [256, 256]);
  assert.match(await page.locator(".facts").textContent(), /256 × 256 · Steps 20 · Seed 5 · [\d.]+ s/);
  assert.equal(await page.title(), "imagent");
  await page.evaluate(() => scrollTo(0, 0));
  await shoot("create");
});

test("what is left open is the model's own", async () => {
  await fill("Steps", 1);
  await draw("a fox");
  const { request } = await lastJob();
  assert.notEqual(request.width, "512");
  assert.notEqual(request.guidance_scale, "7.5");
  assert.equal(await page.getByPlaceholder("Auto").first().inputValue(), "");
});

test("counts tokens and changes the weight of a word", async () => {
  const prompt = field("Prompt");
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
  await prompt.fill("red ".repeat(80));
  await page.getByText("80/150 tokens").waitFor();
});

test("says what is missing, and what the server refuses", async () => {
  await button("Generate").click();
  await page.getByText("The prompt is empty").waitFor();
  await fill("Prompt", "a fox");
  await fill("Width", 100);
  await button("Generate").click();
  await page.locator(".message", { hasText: "width" }).waitFor();
  await button("Image to image").click();
  await button("Generate").click();
  await page.getByText("Choose a picture to start from.").waitFor();
});

test("interrupted, a picture is shown as it is; a second time it is given up", async () => {
  await settings({ size: 256, steps: 150 });
  await fill("Prompt", "a long picture");
  await button("Generate").click();
  await page.getByText(/[1-9]\d*\/150/).waitFor();
  await page.keyboard.press("Escape");
  await result().waitFor();
  assert.equal((await lastJob()).status, "completed");

  await settings(endless);
  await button("Generate").click();
  await page.getByText(/\d+\/150/).waitFor();
  for (let i = 0; i < 2; ++i) await page.keyboard.press("Escape");
  await page.locator(".result progress").waitFor({ state: "detached" });
  await page.getByText("The picture was cancelled.").waitFor();
  assert.equal((await lastJob()).status, "cancelled");
});

test("a page that is loaded anew goes on watching", async () => {
  await settings(endless);
  await fill("Prompt", "watched again");
  await button("Generate").click();
  await page.getByText(/\d+\/150/).waitFor();
  await page.reload();
  await page.getByText(/\d+\/150/).waitFor();
  await api(`/v1/jobs/${(await lastJob()).job_id}`, "DELETE");
  await page.locator(".result progress").waitFor({ state: "detached" });
  assert.equal(await field("Prompt").inputValue(), "watched again", "the form is kept");
  await page.evaluate(() => sessionStorage.setItem("imagent.jobs", '["unknown"]'));
  await page.reload();
  await page.getByText("The server no longer knows of it.").waitFor();
  await settings();
  await draw("a fox");
});

test("sizes, seeds and batches", async () => {
  await settings({ seed: 77 });
  await fill("Batch", 2);
  await fill("Batches", 2);
  await draw("four houses");
  const strip = page.locator(".strip button");
  assert.equal(await strip.count(), 4);
  await strip.nth(3).click();
  await page.getByText(/Seed 80/).waitFor();
  await button("Random seed").click();
  assert.equal(await field("Seed").inputValue(), "");
  await button("Seed of the shown picture").click();
  assert.equal(await field("Seed").inputValue(), "77");
  await field("Size").selectOption("512x768");
  await button("Swap width and height").click();
  assert.equal(await field("Width").inputValue(), "768");
  await page.reload();
  assert.equal(await field("Width").inputValue(), "768");
  await button("Reset the form").click();
  assert.equal(await field("Width").inputValue(), "");
});

test("styles of the server and of the browser", async () => {
  await settings();
  await field("Style").selectOption("Watercolour");
  await field("Style").selectOption("Night");
  await button("Remove Night").click();
  await draw("a tree");
  assert.equal((await lastJob()).request.prompt, "watercolour of a tree, wet paper");
  assert.equal(await field("Prompt").inputValue(), "a tree");

  await fill("Prompt", "oil painting of {prompt}");
  page.once("dialog", (dialog) => void dialog.accept("oil"));
  await button("Keep as a style").click();
  await fill("Prompt", "a tree");
  await field("Style").selectOption("oil");
  assert.equal(await field("Prompt").inputValue(), "oil painting of a tree");
  await page.reload();
  page.once("dialog", (dialog) => void dialog.accept("oil"));
  await button("Remove the style").click();
  await button("Remove the style").waitFor({ state: "detached" });
});

test("model, VAE, LoRA and embedding are chosen from what the server has", async () => {
  await settings();
  await field("Model").selectOption("sd15");
  await draw("a bird");
  assert.equal((await lastJob()).request.model, "sd15");
  await field("VAE").selectOption("toy_decoder");
  await draw();
  assert.equal((await lastJob()).request.vae, "toy_decoder");
  await field("LoRA").selectOption("kohya");
  assert.match(await field("Prompt").inputValue(), /<lora:kohya:1>$/);
  await draw();
  const [, word] = await field("Embedding").locator("option").allTextContents();
  await field("Embedding").selectOption(word);
  assert.ok((await field("Prompt").inputValue()).endsWith(` ${word}`));
  await button("Look again for models").click();
  await shoot("pickers");
});

test("more settings come from the server's list of fields", async () => {
  await settings();
  await page.locator("summary", { hasText: "More settings" }).click();
  await fill("Variation seed", 9);
  await fill("Variation strength", 0.5);
  await page.getByRole("checkbox", { name: "Seamless tiles" }).check();
  await draw("a pattern");
  const { request } = await lastJob();
  assert.equal(request.variation_strength, "0.5");
  assert.equal(request.tiling, "true");
  await fill("Variation strength", 7);
  await button("Generate").click();
  await page.locator(".message", { hasText: "variation_strength" }).waitFor();
});

test("a second pass in high resolution, by a network", async () => {
  await settings();
  await page.locator("summary", { hasText: "High resolution pass" }).click();
  await page.getByRole("checkbox", { name: "High resolution pass" }).check();
  await field("Upscaler").selectOption("rrdb_x2_plain");
  await draw("a red house");
  assert.deepEqual(await sizeOf(result()), [128, 128]);
});

test("ControlNets show the edges that they will follow", async () => {
  await settings();
  await field("Model").selectOption("sd15");
  await page.locator("summary", { hasText: "ControlNet" }).click();
  await button("Add a ControlNet").click();
  const unit = page.locator("details fieldset");
  await unit.locator("input[type=file]").setInputFiles(golden("pipelines/controlnet-sd15/hint_0.png"));
  await unit.getByLabel("Model", { exact: true }).selectOption("controlnet-sd15");
  await unit.getByRole("button", { name: "Show the edges" }).click();
  const edges = unit.locator("img.edges");
  await edges.waitFor();
  assert.ok((await sizeOf(edges))[0] > 0);
  await draw("a bird");
  const [sent] = JSON.parse((await lastJob()).request.controls);
  assert.equal(sent.model, "controlnet-sd15");
  assert.equal(sent.preprocess, "canny");
  await edges.scrollIntoViewIfNeeded();
  await shoot("controlnet");
  await button("Add a ControlNet").click();
  assert.equal(await unit.count(), 2);
  await unit.nth(1).getByRole("button", { name: "Remove", exact: true }).click();
  assert.equal(await unit.count(), 1);
});

test("tells when a picture is done while nobody looks", async () => {
  await context.grantPermissions(["notifications"]);
  await page.evaluate(() => {
    window.told = [];
    window.Notification = class {
      static permission = "granted";
      static requestPermission = async () => "granted";
      constructor(title, { body }) {
        window.told.push(`${title}: ${body}`);
      }
    };
    Object.defineProperty(document, "hidden", { get: () => true });
  });
  await tab("Settings");
  await page.getByRole("checkbox", { name: "Tell me when a picture is done" }).check();
  await tab("Create");
  await settings();
  await draw("a quiet hill");
  assert.deepEqual(await page.evaluate(() => window.told), ["Picture done: a quiet hill"]);
});
