// The CUDA plugin as a file beside the program: that of an emulated card, one of another version, and none at all.
#include <gtest/gtest.h>

#include <fstream>

#include "cli/spawn.h"
#include "image/codec.h"
#include "support/golden.h"
#include "support/pictures.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

// The program in a folder of its own, with such a plugin.
class Installed {
 public:
  explicit Installed(const fs::path& plugin) {
    std::error_code other_disk;
    fs::create_hard_link(IMAGENT_PROGRAM, program(), other_disk);
    if (other_disk) fs::copy_file(IMAGENT_PROGRAM, program());
    fs::copy_file(plugin, folder_ / "libimagent_cuda.so");
  }
  Finished run(const std::vector<std::string>& arguments) const { return test::run(arguments, {.program = program().string()}); }

  // What doctor says of NVIDIA's cards.
  nlohmann::json card() const {
    const auto report = nlohmann::json::parse(run({"doctor", "--json"}).out);
    for (const auto& device : report["devices"])
      if (device["name"] == "cuda") return device;
    return nullptr;
  }
  // A small picture, and what its file says of the device.
  Image draw(const std::string& device, const std::string& dtype) const {
    const std::string path = (folder_ / (device + ".png")).string();
    const Finished done = run({"-m", (source_dir() / "models/demo").string(), "-p", "a tree", "-W", "64", "-H", "64", "--steps", "3", "-s", "5", "--device", device, "--dtype", dtype, "-o", path});
    EXPECT_EQ(done.code, 0) << done.err;
    return read_image(path);
  }
  std::string device_of(const std::string& device) const { return run({"inspect", (folder_ / (device + ".png")).string()}).out; }
  fs::path program() const { return folder_ / "imagent"; }

 private:
  Scratch folder_;
};

fs::path text_file(const Scratch& scratch) {
  const fs::path path = scratch / "text";
  std::ofstream(path) << "this is no library\n";
  return path;
}

TEST(CudaPluginFile, IsFoundBesideTheProgram) {
  const Installed installed(IMAGENT_EMULATED_PLUGIN);
  const nlohmann::json card = installed.card();
  EXPECT_EQ(card.value("instructions", ""), "emulated card, sm_90") << card;
  EXPECT_EQ(card["dtypes"], nlohmann::json({"f32", "bf16", "f16"}));
  const Image cpu = installed.draw("cpu", "f32");
  EXPECT_GE(difference(installed.draw("cuda", "f32"), cpu).psnr, 60);
  EXPECT_GE(difference(installed.draw("auto", "f16"), cpu).psnr, 40);
  EXPECT_NE(installed.device_of("auto").find("cuda emulated card"), std::string::npos) << installed.device_of("auto");
  EXPECT_EQ(installed.device_of("cpu").find("cuda"), std::string::npos);
}

TEST(CudaPluginFile, OfAnotherVersionIsRefused) {
  const Installed installed(IMAGENT_OTHER_PLUGIN);
  const std::string error = installed.card().value("error", "");
  EXPECT_NE(error.find("libimagent_cuda.so is of another version of imagent"), std::string::npos) << error;
  const Finished done = installed.run({"-p", "a tree", "--device", "cuda"});
  EXPECT_NE(done.code, 0);
  EXPECT_NE(done.err.find("is of another version of imagent"), std::string::npos) << done.err;
  installed.draw("auto", "f32");
  EXPECT_NE(installed.device_of("auto").find("cpu"), std::string::npos);
}

TEST(CudaPluginFile, ThatIsNoLibraryIsRefused) {
  const Scratch scratch;
  const Installed installed(text_file(scratch));
  const std::string error = installed.card().value("error", "");
  EXPECT_TRUE(error.starts_with("the CUDA plugin cannot be loaded: ")) << error;
  EXPECT_NE(error.find("libimagent_cuda.so"), std::string::npos) << error;
}

}  // namespace
}  // namespace imagent::test
