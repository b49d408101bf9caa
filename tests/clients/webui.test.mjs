// Programs that speak to the AUTOMATIC1111 web UI: stable-diffusion-api, a1111-webui-api, node-sd-webui as they come from npm.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createRequire } from "node:module";
import sharp from "sharp";
import { small, startServer } from "./server.mjs";

const require = createRequire(import.meta.url);
let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const { width, height, steps, seed } = small;
const drawing = { prompt: "a red house", width, height, steps, seed, sampler_name: "Euler" };
const size = async (image) => {
  const { width, height } = await image.metadata();
  return [width, height];
};

for (const name of ["stable-diffusion-api", "a1111-webui-api"])
  describe(name, () => {
    const { default: Api } = require(name);
    const api = () => new Api({ host: "127.0.0.1", port: server.port, protocol: "http", defaultSampler: "Euler a", defaultStepCount: 2 });

    test("txt2img", async () => {
      const result = await api().txt2img(drawing);
      assert.deepEqual(await size(result.image), [64, 64]);
      const info = JSON.parse(result.info);
      assert.equal(info.seed, seed);
      assert.equal(info.all_seeds.length, 1);
      assert.match(info.infotexts[0], /Steps: 2, Sampler: Euler/);
    });

    test("img2img", async () => {
      const { image } = await api().txt2img(drawing);
      const result = await api().img2img({ ...drawing, init_images: [image], denoising_strength: 0.6 });
      assert.deepEqual(await size(result.image), [64, 64]);
    });

    test("extras", async () => {
      const { image } = await api().txt2img(drawing);
      const result = await api().extraSingle({ image, upscaling_resize: 2, upscaler_1: "Lanczos" });
      assert.deepEqual(await size(result.image), [128, 128]);
    });

    test("the canny preprocessor", async () => {
      const image = sharp({ create: { width: 64, height: 64, channels: 3, background: "white" } }).png();
      const detected = async (more) => size((await api().ControlNet.detect({ controlnet_module: "canny", controlnet_input_images: [image], ...more })).image);
      assert.deepEqual(await detected({ controlnet_processor_res: 64 }), [64, 64]);
      assert.deepEqual(await detected({}), [512, 512]); // the clients' own default
    });

    test("lists, options and progress", async () => {
      const a = api();
      assert.ok((await a.getSamplers()).some((sampler) => sampler.name === "Euler a"));
      assert.ok((await a.getUpscalers()).some((upscaler) => upscaler.name === "Lanczos"));
      const models = await a.getSdModels();
      assert.ok(models.length >= 1);
      assert.ok((await a.getOptions()).sd_model_checkpoint);
      await a.setOptions({ CLIP_stop_at_last_layers: 1 });
      const progress = await a.getProgress();
      assert.equal(progress.progress, 0);
      assert.equal(progress.state.job_count, 0);
      assert.ok(await a.waitForReady());
      for (const list of [await a.getHypernetworks(), await a.getFaceRestorers(), await a.getRealesrganModels(), await a.getPromptStyles()]) assert.ok(Array.isArray(list));
      assert.equal(typeof (await a.getCmdFlags()), "object");
      await a.refreshCheckpoints();
      assert.ok(Array.isArray(await a.ControlNet.getModels()));
      assert.ok((await a.ControlNet.getModules()).includes("canny"));
    });
  });

describe("node-sd-webui", () => {
  const client = () => require("node-sd-webui").default({ apiUrl: server.url });

  test("txt2img, img2img and png-info", async () => {
    const sd = client();
    const first = await sd.txt2img({ prompt: "a red house", width, height, steps, seed, samplingMethod: "Euler" });
    assert.equal(first.images.length, 1);
    const again = await sd.img2img({ prompt: "a red house", imageData: [`data:image/png;base64,${first.images[0]}`], width, height, steps, seed });
    assert.equal(again.images.length, 1);
    const info = await sd.pngInfo({ imageData: `data:image/png;base64,${first.images[0]}` });
    assert.equal(info.prompt, "a red house");
    assert.equal(info.steps, steps);
  });

  test("the second pass", async () => {
    const result = await client().txt2img({
      prompt: "a red house", width, height, steps, seed,
      hires: { steps: 2, denoisingStrength: 0.5, upscaler: "Latent", upscaleBy: 2, resizeWidthTo: 0, resizeHeigthTo: 0 },
    });
    assert.deepEqual(await size(sharp(Buffer.from(result.images[0], "base64"))), [128, 128]);
  });
});
