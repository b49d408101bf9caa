// The page around the server: queue, plots, downloads, state; and the page itself: words, widths, colours, keys.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { api, button, draw, endless, field, fill, hub, openPage, page, settings, shoot, tab, unfold, usePage } from "./page.mjs";

usePage();

test("queue: several jobs, each can be cancelled", async () => {
  await settings();
  await draw("a finished picture");
  await settings(endless);
  await fill("Prompt", "queued");
  for (let i = 0; i < 5; ++i) await button("Generate").click();
  await tab("Queue");
  const cancels = page.locator(".queue li").getByRole("button", { name: "Cancel" });
  await page.locator(".queue li progress").first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".queue li").length >= 6);
  assert.equal(await cancels.count(), 5);
  await page.locator("nav .badge", { hasText: "5" }).waitFor();
  await shoot("queue");
  await cancels.first().click();
  await page.waitForFunction(() => document.querySelectorAll(".queue .badge.cancelled").length === 1);
  await button("Cancel all that wait").click();
  await page.waitForFunction(() => document.querySelectorAll(".queue .badge.queued").length === 0);
  for (let left = await cancels.count(); left > 0; --left) {
    await cancels.first().click();
    await page.waitForFunction((left) => document.querySelectorAll(".queue li > .with-icon").length < left, left);
  }
  await page.locator("nav .badge").waitFor({ state: "detached" });
  await page.locator(".queue .completed").getByRole("button", { name: "Details" }).first().click();
  await page.getByRole("dialog").getByText("a finished picture").first().waitFor();
});

test("a plot over three settings, downloaded as one picture", async () => {
  await settings();
  await fill("Prompt", "a red tree");
  await tab("Tools");
  await fill("X values, with commas", "1-3(+2)");
  await field("Y axis").selectOption("prompt");
  await fill("Y values, with commas", "red, blue");
  await field("Z axis").selectOption("guidance");
  await fill("Z values, with commas", "2, 7");
  await button("Draw").click();
  await page.waitForFunction(() => document.querySelectorAll(".plot img").length === 8);
  await button("Draw").waitFor();
  assert.deepEqual(await page.locator(".plot caption").allTextContents(), ["Guidance: 2", "Guidance: 7"]);
  const { jobs } = await api("/v1/jobs?limit=8");
  assert.deepEqual(new Set(jobs.map(({ request }) => [request.steps, request.prompt, request.guidance_scale].join())).size, 8);
  assert.deepEqual(new Set(jobs.map(({ request }) => request.seed)), new Set(["5"]));
  await shoot("tools");
  const download = page.waitForEvent("download");
  await page.locator("fieldset", { hasText: "X/Y/Z plot" }).getByRole("button", { name: "Download" }).click();
  const { width, height } = await sharp(await (await download).path()).metadata();
  assert.ok(width > 2 * 64 && height > 4 * 64);
  await fill("X values, with commas", "1-100");
  await button("Draw").click();
  await page.getByText("At most 100 pictures in a plot.").waitFor();
});

test("a plot is stopped", async () => {
  await settings(endless);
  await fill("Prompt", "a long plot");
  await tab("Tools");
  await field("X axis").selectOption("seed");
  await fill("X values, with commas", "1-9");
  await button("Draw").click();
  await page.getByText("0/9").waitFor();
  await page.locator("nav .badge").waitFor();
  await button("Stop").click();
  await button("Draw").waitFor();
  await page.locator("nav .badge").waitFor({ state: "detached" });
  assert.equal((await api("/v1/jobs?limit=1")).jobs[0].status, "cancelled");
});

test("a model is fetched with progress, stopped, and fetched to its end", async (context) => {
  if (!hub) return context.skip("there is no fake hub");
  await tab("Tools");
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
  await tab("Tools");
  await row.waitFor();
  await row.waitFor({ state: "detached", timeout: 120000 });
  await tab("Create");
  await settings();
  await page.waitForFunction(() => [...document.querySelectorAll("select option")].some((option) => option.value === "org/model"));
  await field("Model").selectOption("org/model");
  await draw("a boat");
  assert.match((await api("/v1/jobs?limit=1")).jobs[0].request.model, /model$/);
});

test("the server's state", async () => {
  await settings();
  await draw("a timed picture");
  await tab("Settings");
  const stats = page.locator(".stats");
  await stats.getByText(/cpu, \d+ threads/).waitFor();
  await stats.getByText(/[\d.]+ GB used, [\d.]+ GB free/).waitFor();
  await stats.getByText(/[\d.]+ s: loading/).waitFor();
  await stats.getByText("0 drawing, 0 waiting").waitFor();
  await shoot("settings");
  await api("/v1/jobs").then(() => page.getByRole("link", { name: "API documentation" }).click());
  await page.getByText("/v1/jobs/{id}/interrupt").waitFor();
});

const tabs = ["create", "gallery", "queue", "tools", "settings"];
const openNth = (n) => page.locator("nav button").nth(n).click();

test("phone width: nothing runs out of the window", async () => {
  await openPage({ viewport: { width: 375, height: 740 } });
  await settings();
  await draw("a narrow picture");
  for (const [n, name] of tabs.entries()) {
    await openNth(n);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: no sideways scrolling`);
  }
  await openNth(0);
  for (const name of ["Image to image", "Inpaint", "Text to image"]) {
    await button(name).click();
    await unfold();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: no sideways scrolling`);
  }
  await page.evaluate(() => scrollTo(0, 0));
  await shoot("phone");
  await page.locator(".result .actions").getByRole("button", { name: "Details" }).click();
  const box = await page.getByRole("dialog").boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 375);
});

test("light and dark, by the system and by choice", async () => {
  const light = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).every((value) => value > 128));
  assert.ok(await light());
  await page.emulateMedia({ colorScheme: "dark" });
  assert.ok(!(await light()));
  await settings({ size: 256, steps: 20 });
  await draw("a red house by the sea at sunset");
  await page.evaluate(() => scrollTo(0, 0));
  await shoot("dark");
  await tab("Settings");
  await field("Appearance").selectOption("light");
  assert.ok(await light());
  await page.emulateMedia({ colorScheme: "light" });
  await field("Appearance").selectOption("dark");
  assert.ok(!(await light()));
  await page.reload();
  assert.ok(!(await light()), "it is kept");
});

test("from an empty prompt to a deleted picture by keyboard alone", async () => {
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.closest("label")?.querySelector("span")?.textContent ?? document.activeElement.textContent);
  const tabTo = async (name) => {
    const seen = [];
    for (let i = 0; i < 60; ++i) {
      if ((await focused()) === name) return;
      seen.push(await focused());
      await press("Tab");
    }
    assert.fail(`${name} is not reached: ${seen.join(" | ")}`);
  };
  await tabTo("Prompt");
  await page.keyboard.type("drawn by keys");
  for (const [name, value] of [["Width", "64"], ["Height", "64"], ["Steps", "2"]]) {
    await tabTo(name);
    await page.keyboard.type(value);
  }
  await press("Control+Enter");
  await page.locator(".stage img").waitFor();
  await tabTo("Details");
  await press("Enter");
  await page.getByRole("dialog").waitFor();
  for (let i = 0; i < 25; ++i) await press("Tab");
  assert.ok(await page.evaluate(() => document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)), "the focus stays in the dialog");
  await press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  page.once("dialog", (question) => void question.accept());
  await tabTo("Delete");
  await press("Enter");
  await page.locator(".stage").waitFor({ state: "detached" });
});

test("every control has a name, in every view", async () => {
  await settings();
  await draw("named");
  const unnamed = () =>
    page.evaluate(() =>
      [...document.querySelectorAll("button, input, select, textarea, img")]
        .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.labels?.length || e.getAttribute("aria-label") || e.getAttribute("alt") !== null || e.querySelector("img[alt]:not([alt=''])")))
        .map((e) => e.outerHTML));
  for (const mode of ["Image to image", "Inpaint", "Text to image"]) {
    await button(mode).click();
    await unfold();
    assert.deepEqual(await unnamed(), [], mode);
  }
  for (const [n, name] of tabs.entries()) {
    await openNth(n);
    assert.deepEqual(await unnamed(), [], name);
  }
});

const source = join(import.meta.dirname, "../../web/src");
const words = [...readFileSync(join(source, "texts/words.ts"), "utf8").matchAll(/^  (\w+): (\[.*\]),$/gm)].map(([, name, row]) => [name, JSON.parse(row)]);

test("every word is there in four languages, and used", () => {
  assert.ok(words.length > 150);
  const files = readdirSync(source, { recursive: true }).filter((file) => /\.tsx?$/.test(file) && !file.endsWith("words.ts"));
  const code = files.map((file) => readFileSync(join(source, file), "utf8")).join("\n");
  for (const [name, row] of words) {
    assert.equal(row.length, 4, name);
    const holes = row.map((text) => (text.match(/\{\d\}/g) ?? []).sort().join());
    for (const [i, text] of row.entries()) assert.ok(text.trim() && holes[i] === holes[0], `${name}: ${text}`);
    assert.ok(new RegExp(`["'\`]${name}["'\`]|\\b${name}: (NewTab|[A-Z]\\w+Tab)`).test(code), `${name} is used nowhere`);
  }
});

test("no view keeps an English word in another language", async () => {
  await settings();
  await draw("1 2 3");
  for (const [column, language] of [["1", "pt"], ["2", "fr"], ["3", "de"]]) {
    await openNth(4);
    await page.locator("select").first().selectOption(language);
    const english = new Set(words.filter(([, row]) => row[column] !== row[0] && !words.some(([, other]) => other[column] === row[0])).map(([, row]) => row[0]));
    for (const [n, name] of tabs.entries()) {
      await openNth(n);
      if (name === "create") await page.locator(".modes button").last().click();
      const shown = await page.evaluate(() =>
        [...document.querySelectorAll("main *, nav *")].flatMap((e) => [...[...e.childNodes].filter((c) => c.nodeType === 3).map((c) => c.textContent), e.title, e.placeholder, e.getAttribute("aria-label")]).filter(Boolean));
      assert.deepEqual(shown.filter((text) => english.has(text.trim())), [], `${language}, ${name}`);
    }
  }
});
