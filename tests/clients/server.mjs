// The built program as a server on a free port of loopback, with a data folder of its own, ended with the test.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function startServer(more = [], environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), "imagent-clients-"));
  const program = process.env.IMAGENT_PROGRAM;
  if (!program) throw new Error("IMAGENT_PROGRAM has to name the built program");
  const child = spawn(program, ["serve", "--port", "0", "--data-dir", folder, ...more], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, HF_HUB_CACHE: join(folder, "hub"), XDG_CACHE_HOME: join(folder, "cache"), ...environment },
  });
  let log = "";
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the server did not start: ${log}`)), 30000);
    child.stderr.setEncoding("utf8").on("data", (text) => {
      log += text;
      const line = /listening on (http:\S+)/.exec(log);
      if (!line) return;
      clearTimeout(late);
      resolve(line[1]);
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
  });
  const stop = async () => {
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, port: Number(new URL(url).port), stop, log: () => log };
}

// The model hub on loopback that the C++ tests use, serving a toy model as org/model, slowly; null where it is not built.
export async function startHub() {
  const program = process.env.IMAGENT_FAKE_HUB;
  if (!program) return null;
  const child = spawn(program, [golden("models/sd15-tiny"), "0.02"], { stdio: ["pipe", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.setEncoding("utf8").once("data", (text) => resolve(text.trim()));
    child.on("exit", (code) => reject(new Error(`the fake hub ended with ${code}`)));
  });
  return { url, stop: () => child.stdin.end() };
}

export const golden = (path) => join(import.meta.dirname, "../golden", path);

// Small and quick with the built-in model.
export const small = { width: 64, height: 64, steps: 2, seed: 5 };
export const isPng = (base64) => Buffer.from(base64, "base64").subarray(1, 4).toString() === "PNG";
