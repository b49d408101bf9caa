// Upscaling whole pictures: goldens, tiles, names, damaged files, memory.
#include "pipeline/upscale.h"

#include <fstream>

#include "image/codec.h"
#include "image/resize.h"
#include "support/devices.h"
#include "support/pictures.h"
#include "support/write_safetensors.h"
#include "weights/open.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

struct Upscalers : OnEveryBackend {
  std::unique_ptr<const Upscaler> open(const std::string& file, std::optional<int> tile = {}) {
    return make_upscaler(golden("upscale/" + file).string(), {.backend = &device(), .tile = tile});
  }
};

Image enlarge(const Upscaler& upscaler, const Image& image) { return upscaler(image, scaled_size({image.width, image.height}, upscaler.scale())); }

TEST_P(Upscalers, PicturesAreThoseOfPyTorch) {
  const auto document = read_json(golden("upscale/cases.json"));
  for (const auto& c : document["cases"]) {
    std::string file = c["model"].get<std::string>() + ".safetensors";
    if (!fs::exists(golden("upscale/" + file))) file = document["models"][c["model"].get<std::string>()]["files"][1];
    SCOPED_TRACE(file + " " + c["input"].get<std::string>());
    const Image image = enlarge(*open(file), read_image(golden("upscale/" + c["input"].get<std::string>())));
    EXPECT_LE(difference(image, read_image(golden("upscale/" + c["output_png"].get<std::string>()))).largest, 1);
  }
}

// Margins as wide as the network sees make tiles exact; where that is too much they fade into each other.
TEST_P(Upscalers, TilesDoNotShow) {
  const Image picture = read_image(golden("upscale/input_tile.png"));
  const Image whole = enlarge(*open("compact_x4.safetensors", 0), picture);
  EXPECT_LE(difference(enlarge(*open("compact_x4.safetensors", 48), picture), whole).largest, 1);
  EXPECT_GE(difference(enlarge(*open("compact_x4.safetensors", 32), picture), whole).psnr, 55);
  if (GetParam() == "reference") return;  // minutes
  for (const char* file : {"rrdb_x2_unshuffle.safetensors", "rrdb_x4_old_names.safetensors"})
    EXPECT_GE(difference(enlarge(*open(file, 32), picture), enlarge(*open(file, 0), picture)).psnr, 50) << file;
}

TEST_P(Upscalers, StopWhenCancelled) {
  const auto upscaler = open("compact_x4.safetensors", 16);
  std::atomic<bool> stop = false;
  device().cancel = &stop;
  int tiles = 0;
  try {
    const Image picture = read_image(golden("upscale/input_tile.png"));
    (*upscaler)(picture, {256, 192}, [&](int done, int) {
      tiles = done;
      stop = done == 2;
    });
    ADD_FAILURE() << "not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::cancelled);
  }
  device().cancel = nullptr;
  EXPECT_EQ(tiles, 2);
}

IMAGENT_ON_EVERY_BACKEND(Upscalers);

UpscalerOptions on_cpu() { return {.backend = &backend("cpu"), .folder = golden("upscale")}; }

TEST(UpscalerNames, StandForResamplingsAndFiles) {
  const std::vector<std::string> names = upscaler_names(golden("upscale"));
  for (const char* name : {"nearest", "area", "bilinear", "bicubic", "lanczos", "compact_x4", "rrdb_x4_params_ema"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  EXPECT_EQ(make_upscaler("LANCZOS", on_cpu())->name(), "Lanczos");
  EXPECT_EQ(make_upscaler("Compact_X4", on_cpu())->scale(), 4);
  EXPECT_EQ(make_upscaler("rrdb_x4_params_ema.pth", on_cpu())->scale(), 4);
  try {
    make_upscaler("compact_x5", on_cpu());
    ADD_FAILURE() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_NE(error.text.find("did you mean compact_x4"), std::string::npos) << error.text;
  }
}

TEST(UpscalerNames, ResamplingIsPlainResizing) {
  const Image picture = read_image(golden("upscale/input_a.png"));
  EXPECT_EQ((*make_upscaler("bicubic", on_cpu()))(picture, {40, 31}), resize(picture, 40, 31, Resample::bicubic));
}

TEST(NetworkUpscaler, ReachesAnySizeAndKeepsTheChannels) {
  const auto upscaler = make_upscaler("rrdb_x2_plain", on_cpu());
  const Image picture = read_image(golden("upscale/input_odd.png"));
  const Image twice = (*upscaler)(picture, {46, 38});
  EXPECT_EQ((*upscaler)(picture, {30, 25}), resize(twice, 30, 25, Resample::lanczos));
  const Image four_times = (*upscaler)(twice, {92, 76});
  EXPECT_EQ((*upscaler)(picture, {80, 60}), resize(four_times, 80, 60, Resample::lanczos));
  EXPECT_EQ((*upscaler)(picture, {23, 19}), resize(twice, 23, 19, Resample::lanczos));

  Image with_alpha(picture.width, picture.height, 4);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      std::copy_n(picture.at(x, y), 3, with_alpha.at(x, y));
      with_alpha.at(x, y)[3] = static_cast<uint8_t>(10 * x);
    }
  const Image out = (*upscaler)(with_alpha, {46, 38});
  EXPECT_EQ(to_rgb(out), twice);
  EXPECT_EQ(alpha_of(out), resize(alpha_of(with_alpha), 46, 38, Resample::lanczos));
  EXPECT_EQ((*upscaler)(to_gray(picture), {46, 38}).channels, 1);
  EXPECT_EQ((*make_upscaler("rrdb_x2_unshuffle", on_cpu()))(Image(1, 1, 3), {2, 2}).width, 2);
}

TEST(NetworkUpscaler, RefusesWhatDoesNotFitInMemory) {
  UpscalerOptions options = on_cpu();
  options.memory_limit = 1 << 20;
  const auto upscaler = make_upscaler("compact_x4", options);
  try {
    (*upscaler)(Image(512, 512, 3), {2048, 2048});
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::memory);
    EXPECT_NE(error.text.find("compact_x4"), std::string::npos);
  }
  EXPECT_THROW(scaled_size({40000, 40000}, 2), Error);
  EXPECT_THROW(scaled_size({10, 1}, 0.05), Error);
}

// The tensors of a good file, to be spoiled.
struct Spoiled {
  std::shared_ptr<const Source> source = open_weights(golden("upscale/compact_x4.safetensors"));
  std::map<std::string, TensorView> tensors;
  fs::path path = fs::path(testing::TempDir()) / "spoiled_upscaler.safetensors";

  Spoiled() {
    for (const std::string& name : source->names()) tensors[name] = *source->find(name);
  }
  ~Spoiled() { fs::remove(path); }
  // The kind of the error that opening it gives.
  std::optional<ErrorKind> open() {
    write_safetensors(path, tensors);
    try {
      make_upscaler(path.string(), on_cpu());
      return {};
    } catch (const Error& error) {
      return error.kind;
    }
  }
};

TEST(NetworkUpscaler, RefusesDamagedFiles) {
  EXPECT_EQ(Spoiled().open(), std::nullopt);
  Spoiled lacks_slopes;
  lacks_slopes.tensors.erase("body.3.weight");
  EXPECT_EQ(lacks_slopes.open(), ErrorKind::model);
  Spoiled lacks_convolution;
  lacks_convolution.tensors.erase("body.0.weight");
  EXPECT_EQ(lacks_convolution.open(), ErrorKind::model);
  Spoiled swapped;  // 16 channels where 48 belong
  swapped.tensors["body.10.weight"] = swapped.tensors["body.8.weight"];
  swapped.tensors["body.10.bias"] = swapped.tensors["body.8.bias"];
  EXPECT_EQ(swapped.open(), ErrorKind::unsupported);
  Spoiled narrow;
  narrow.tensors["body.3.weight"].shape = {8};
  narrow.tensors["body.3.weight"].bytes = narrow.tensors["body.3.weight"].bytes.first(32);
  EXPECT_EQ(narrow.open(), ErrorKind::model);
  Spoiled endless;  // slopes of a million channels: no matrix of them may be made
  const std::vector<float> many(1 << 20);
  endless.tensors["body.3.weight"] = {DType::f32, {1 << 20}, std::as_bytes(std::span(many)), nullptr};
  EXPECT_EQ(endless.open(), ErrorKind::unsupported);
  Spoiled stranger;
  stranger.tensors["extra.weight"] = stranger.tensors["body.3.weight"];
  EXPECT_EQ(stranger.open(), ErrorKind::model);
  for (const fs::path& file : {golden("models/sd15/vae/diffusion_pytorch_model.safetensors"), golden("upscale/cases.json")})
    EXPECT_THROW(make_upscaler(file.string(), on_cpu()), Error) << file;
}

}  // namespace
}  // namespace imagent::test
