// One file that holds everything: the server embeds it and no browser asks for more.
import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";

const server = process.env.IMAGENT_SERVER ?? "http://127.0.0.1:7860";

export default defineConfig({
  plugins: [viteSingleFile({ removeViteModuleLoader: true })],
  build: { outDir: "dist", target: "es2022", reportCompressedSize: false },
  server: { proxy: { "/v1": server, "/sdapi": server, "/controlnet": server, "/health": server } },
});
