// What a model on disk is and lacks, by the names of its files and its configurations.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace imagent {

// "sd1", "sd2", "sdxl", "sdxl-refiner", "sd" (another; each also "-inpaint", "-pix2pix"), "vae", "taesd", "controlnet", "t2i-adapter",
// "image encoder", "unet", "lora", "single file", or "unknown". `path`: a folder in diffusers' layout or a file.
std::string kind_of_model(const std::filesystem::path& path);

// Files that a pipeline needs and that are not there (links to nothing included), relative to the folder; weights that may
// have several names are named by the first. Empty: whole.
std::vector<std::string> missing_files(const std::filesystem::path& folder);

// The weight file of a folder that holds one and nothing that says more about it (a repository of a single file).
std::optional<std::filesystem::path> single_file_of(const std::filesystem::path& folder);
bool has_weight_extension(const std::filesystem::path& path);   // .safetensors, .gguf, .ckpt, .pt, .pth, .bin

}  // namespace imagent
