// The official OpenAI client: generate, edit, variations, streamed partial pictures, errors.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI, { toFile } from "openai";
import sharp from "sharp";
import { isPng, startServer } from "./server.mjs";

let server, client;
before(async () => {
  server = await startServer(["--api-key", "secret"]);
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "secret", maxRetries: 0 });
});
after(() => server.stop());

const extra = { steps: 2, seed: 5 };
const asked = { prompt: "a red house", size: "64x64", response_format: "b64_json", ...extra };
const png = (options) => sharp({ create: { width: 64, height: 64, channels: 4, background: options } }).png().toBuffer();

test("models", async () => {
  const { data } = await client.models.list();
  assert.ok(data.length >= 1);
  assert.equal(data[0].object, "model");
});

test("generate", async () => {
  const result = await client.images.generate({ ...asked, n: 2 });
  assert.equal(result.data.length, 2);
  assert.ok(isPng(result.data[0].b64_json));
  assert.notEqual(result.data[0].b64_json, result.data[1].b64_json);
});

test("generate as JPEG", async () => {
  const result = await client.images.generate({ ...asked, output_format: "jpeg", output_compression: 80 });
  assert.equal((await sharp(Buffer.from(result.data[0].b64_json, "base64")).metadata()).format, "jpeg");
});

test("stream", async () => {
  const stream = await client.images.generate({ ...asked, steps: 4, stream: true, partial_images: 2 });
  const types = [];
  for await (const event of stream) {
    types.push(event.type);
    assert.ok(isPng(event.b64_json));
  }
  assert.equal(types.at(-1), "image_generation.completed");
  assert.equal(types.filter((type) => type === "image_generation.partial_image").length, 2);
});

test("edit: what is transparent in the mask is drawn anew", async () => {
  const image = await toFile(await png("red"), "image.png", { type: "image/png" });
  const half = await sharp(await png({ r: 0, g: 0, b: 0, alpha: 1 }))
    .composite([{ input: { create: { width: 32, height: 64, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 1 } } }, left: 0, top: 0, blend: "dest-out" }])
    .png().toBuffer();
  const mask = await toFile(half, "mask.png", { type: "image/png" });
  const result = await client.images.edit({ image, mask, ...asked });
  const pixels = await sharp(Buffer.from(result.data[0].b64_json, "base64")).removeAlpha().raw().toBuffer();
  const at = (x, y) => [...pixels.subarray((y * 64 + x) * 3, (y * 64 + x) * 3 + 3)];
  assert.deepEqual(at(60, 10), [255, 0, 0]);
  assert.notDeepEqual(at(4, 10), [255, 0, 0]);
});

test("variations", async () => {
  const image = await toFile(await png("blue"), "image.png", { type: "image/png" });
  const result = await client.images.createVariation({ image, size: "64x64", response_format: "b64_json" });
  assert.ok(isPng(result.data[0].b64_json));
});

test("errors have a message, a type and the parameter", async () => {
  await assert.rejects(client.images.generate({ ...asked, size: "65x64" }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.type, "invalid_request_error");
    assert.match(error.message, /multiple of 8/);
    return true;
  });
  await assert.rejects(client.images.generate({ ...asked, model: "no-such-model" }), OpenAI.APIError);
  await assert.rejects(new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "wrong", maxRetries: 0 }).models.list(), OpenAI.AuthenticationError);
});
