// What is done with pictures and models beside drawing.
import { message } from "../run";
import { abilities } from "../state";
import { DownloadTool } from "./download_tool";
import { PlotTool } from "./plot_tool";
import { UpscaleTool } from "./upscale_tool";

export const ToolsTab = () => (
  <section class="tools">
    {message.value && (
      <p class="message" role="alert">
        {message.value}
      </p>
    )}
    <UpscaleTool />
    <PlotTool />
    {abilities.value?.downloads && <DownloadTool />}
  </section>
);
