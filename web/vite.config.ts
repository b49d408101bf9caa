// One file that holds everything: the server embeds it and no browser asks for more.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";

const server = process.env.IMAGENT_SERVER ?? "http://127.0.0.1:7860";

// What the page is built from, as tests/server/page_test.cpp counts it: it finds a built page that was forgotten.
function sourcesHash(): string {
  const files = readdirSync("src", { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`);
  const hash = createHash("sha256");
  for (const file of [...files, "index.html", "package-lock.json", "tsconfig.json", "vite.config.ts"].sort()) hash.update(`${file}\n`).update(readFileSync(file));
  return hash.digest("hex");
}

const namesItsSources: Plugin = {
  name: "names-its-sources",
  transformIndexHtml: () => [{ tag: "meta", attrs: { name: "sources", content: sourcesHash() }, injectTo: "head" }],
};

export default defineConfig({
  plugins: [namesItsSources, viteSingleFile({ removeViteModuleLoader: true })],
  build: { outDir: "dist", target: "es2022", reportCompressedSize: false },
  server: { proxy: { "/v1": server, "/sdapi": server, "/controlnet": server, "/health": server } },
});
