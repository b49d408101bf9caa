// The tiny autoencoder against diffusers: a toy in both namings, and the real weights where they are at hand.
#include "image/codec.h"
#include "pipeline/vae_source.h"
#include "support/devices.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;

struct TinyAutoencoders : OnEveryBackend {
  std::vector<float> decode(const VaeSource& vae, const Array& latents) {
    const Weights weights(vae.weights, device(), DType::f32);
    const auto decoder = make_vae_decoder(weights, *vae.config);
    weights.finish({"encoder."});
    return to_planar((*decoder)(upload_picture(device(), latents)));
  }
  std::vector<float> encode(const VaeSource& vae, const Array& image) {
    const Weights weights(vae.weights, device(), DType::f32);
    const auto encoder = make_vae_encoder(weights, *vae.config);
    weights.finish({"decoder."});
    return to_planar((*encoder)(upload_picture(device(), image)));
  }
};

TEST_P(TinyAutoencoders, ToysAgreeInEveryNaming) {
  const Arrays values(golden("taesd/values.safetensors"));
  for (const char* place : {"taesd/folder", "taesd/folder/diffusion_pytorch_model.safetensors", "taesd/toy_decoder.safetensors", "taesd/toy_encoder.safetensors"}) {
    SCOPED_TRACE(place);
    const VaeSource vae = open_vae(golden(place));
    ASSERT_TRUE(vae.config && vae.config->tiny);
    EXPECT_EQ(vae.config->scaling_factor, 1);
    EXPECT_EQ(vae.config->latent_channels, 4);
    EXPECT_LE(max_abs_difference(decode(vae, values["latents"]), values["decoded"].values), 5e-5);
    EXPECT_LE(max_abs_difference(encode(vae, values["image"]), values["encoded"].values), 2e-4);
  }
}

TEST_P(TinyAutoencoders, RealWeightsAgree) {
  const fs::path data = source_dir() / "../shared/data/taesd", expected = source_dir() / "../shared/golden/components/taesd";
  for (const std::string name : {"taesd", "taesdxl"}) {
    if (!fs::exists(data / (name + "_decoder.safetensors")) || !fs::exists(expected / (name + ".safetensors"))) GTEST_SKIP() << "no weights of TAESD in ../shared/data/taesd";
    SCOPED_TRACE(name);
    const VaeSource vae = open_vae(data / (name + "_decoder.safetensors"));
    const Arrays values(expected / (name + ".safetensors"));
    EXPECT_LE(max_abs_difference(encode(vae, values["image"]), values["encoded"].values), 2e-4);
    EXPECT_LE(max_abs_difference(decode(vae, values["encoded"]), values["decoded"].values), 5e-5);
    EXPECT_LE(max_abs_difference(decode(vae, values["random_latents"]), values["random_decoded"].values), 5e-5);
  }
}

IMAGENT_ON_EVERY_BACKEND(TinyAutoencoders);

}  // namespace
}  // namespace imagent::test
