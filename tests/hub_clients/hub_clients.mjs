// node hub_clients.mjs IMAGENT FAKE_HUB MODEL: scanCacheDir() reads a cache that imagent filled; imagent draws from one
// that snapshotDownload() filled.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scanCacheDir, snapshotDownload } from "@huggingface/hub";

const [imagent, fakeHub, model] = process.argv.slice(2);
const commit = "0123456789abcdef0123456789abcdef01234567";
const folder = mkdtempSync(join(tmpdir(), "imagent-hub-clients-"));
const hub = spawn(fakeHub, [model], { stdio: ["pipe", "pipe", "inherit"] });
console.debug = () => {};

try {
  const [line] = await once(hub.stdout, "data");
  const hubUrl = line.toString().trim();
  const run = (cache, ...words) =>
    execFileSync(imagent, words, { encoding: "utf8", env: { HOME: folder, HF_ENDPOINT: hubUrl, HF_HUB_CACHE: join(folder, cache), no_proxy: "127.0.0.1" } });
  const draw = (cache) => {
    const picture = join(folder, cache + ".png");
    run(cache, "txt2img", "-m", "org/model", "--offline", "-p", "a red house", "-W", "64", "-H", "64", "--steps", "1", "-s", "5", "-q", "-o", picture);
    return readFileSync(picture);
  };

  run("ours", "models", "pull", "org/model", "-q");
  const scan = await scanCacheDir(join(folder, "ours"));
  assert.deepEqual(scan.warnings, []);
  assert.equal(scan.repos.length, 1);
  const [repository] = scan.repos;
  assert.deepEqual(repository.id, { name: "org/model", type: "model" });
  assert.equal(repository.revisions.length, 1);
  assert.equal(repository.revisions[0].commitOid, commit);
  assert.deepEqual(repository.revisions[0].refs, ["main"]);
  const index = repository.revisions[0].files.find((file) => file.path.endsWith("model_index.json"));
  assert.equal(index.blob.size, readFileSync(join(model, "model_index.json")).length);

  const theirs = await snapshotDownload({ repo: "org/model", hubUrl, cacheDir: join(folder, "theirs") });
  assert.equal(theirs, join(folder, "theirs", "models--org--model", "snapshots", commit));
  assert.equal(JSON.parse(run("theirs", "models", "verify", "org/model", "--json")).good, true);
  assert.deepEqual(draw("theirs"), draw("ours"));

  // Both in one cache: nothing is there twice.
  await snapshotDownload({ repo: "org/model", hubUrl, cacheDir: join(folder, "ours") });
  assert.equal((await scanCacheDir(join(folder, "ours"))).size, repository.size);
  assert.equal(JSON.parse(run("ours", "models", "verify", "org/model", "--json")).good, true);
  console.log("the caches of imagent and of @huggingface/hub are the same");
} finally {
  hub.stdin.end();
  rmSync(folder, { recursive: true });
}
