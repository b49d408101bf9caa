// An IP-Adapter's file and the image encoder that it reads; both load on first use.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "models/clip_vision.h"
#include "models/ip_adapter.h"
#include "weights/source.h"

namespace imagent {

struct ImageEncoderFiles {
  std::string name;                         // of the folder or file
  std::shared_ptr<const Source> weights;    // under the names of transformers' CLIPVisionModelWithProjection
  ClipVisionConfig config;
};
// A folder as transformers saves it, or a single file. Errors: model, unsupported.
ImageEncoderFiles open_image_encoder(const std::filesystem::path& path, bool prefer_half);

class LoadedImageEncoder {
 public:
  LoadedImageEncoder(ImageEncoderFiles files, Backend& backend, DType compute) : files_(std::move(files)), backend_(backend), compute_(compute) {}

  const ImageEncoderFiles& files() const { return files_; }
  const ClipVisionModel& model();
  ClipVisionOutput look(const Image& picture);
  ClipVisionOutput look_at_nothing();       // pixels of 0
  size_t packed_bytes() const { return packed_bytes_; }

 private:
  ClipVisionOutput look(std::span<const float> pixels);

  ImageEncoderFiles files_;
  Backend& backend_;
  DType compute_;
  std::optional<ClipVisionModel> model_;
  size_t packed_bytes_ = 0;
};

struct IpAdapterFiles {
  std::string name;                         // of the file
  std::shared_ptr<const Source> weights;    // as ip_adapter_names()
};
// Errors: model (no IP-Adapter, saying what it is instead), unsupported (one for faces that wants another network).
IpAdapterFiles open_ip_adapter(const std::filesystem::path& path);

// The image encoder that published adapters have beside them and that this one can read. Errors: usage, when there is none.
std::filesystem::path image_encoder_beside(const std::filesystem::path& adapter, const IpAdapterFiles& files, bool prefer_half);

// A picture as tokens: of the prompt's rows, and of the negative prompt's.
struct ImageTokens {
  Tensor positive, negative;                // [1,S,D]
};

class LoadedIpAdapter {
 public:
  // Errors: usage, when the encoder's width is not what the adapter reads.
  LoadedIpAdapter(IpAdapterFiles files, std::shared_ptr<LoadedImageEncoder> encoder, Backend& backend, DType compute);

  const IpAdapterFiles& files() const { return files_; }
  const std::shared_ptr<LoadedImageEncoder>& encoder() const { return encoder_; }
  const IpAdapter& model();
  ImageTokens tokens(const Image& picture);
  size_t packed_bytes() const { return packed_bytes_; }

 private:
  IpAdapterFiles files_;
  std::shared_ptr<LoadedImageEncoder> encoder_;
  Backend& backend_;
  DType compute_;
  std::optional<IpAdapter> model_;
  size_t packed_bytes_ = 0;
};

// Of all of them and their encoders; what stands there twice counts once.
size_t packed_bytes(const std::vector<LoadedIpAdapter*>& adapters);

}  // namespace imagent
