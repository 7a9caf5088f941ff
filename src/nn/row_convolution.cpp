#include "flatsweep/nn/row_convolution.hpp"

#include <algorithm>

namespace flatsweep {

namespace {

constexpr bool many = vector_registers == 32;
constexpr int most_outputs = many ? 8 : 6;

/// Registers of places that a tile of `outputs` channels works on: as many as leave room for the sums, 24 of 32 or 12
/// of 16.
constexpr int vectors_of(int outputs) {
  if (many) return outputs > 6 ? 3 : 4;
  return outputs > 4 ? 2 : outputs > 3 ? 3 : 4;
}

std::vector<int> equal_tiles(int channels) {
  const int count = (channels + most_outputs - 1) / most_outputs;
  std::vector<int> tiles;
  for (int i = 0; i < count; ++i) tiles.push_back((channels * (i + 1)) / count - (channels * i) / count);
  return tiles;
}

}  // namespace

RowConvolution::RowConvolution(const ImageRows& in, int out_channels, int kernel)
    : in_(in),
      out_channels_(out_channels),
      kernel_(kernel),
      tiles_(equal_tiles(out_channels)),
      packed_(out_channels * in.channels * kernel * kernel),
      sources_(in.channels * kernel) {}

// Tile after tile; in a tile (channel, i, j, output), so that the inner loop reads on without a jump.
void RowConvolution::pack(const float* w, Kernels kind) {
  const std::size_t places = kernel_ * kernel_;
  const std::size_t channels = in_.channels, outputs = out_channels_;
  float* to = packed_.data();
  std::size_t first = 0;
  for (const int tile : tiles_) {
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t place = 0; place < places; ++place)
        for (std::size_t o = first; o < first + tile; ++o)
          *to++ = kind == Kernels::plain ? w[(o * channels + c) * places + place]
                                         : w[(c * outputs + o) * places + (places - 1 - place)];
    first += tile;
  }
}

void RowConvolution::row(const float* in, int y, float* out, std::size_t channel) {
  find_kernel_rows(in_, in, kernel_, y, sources_);
  int first = 0;
  for (const int outputs : tiles_) {
    float* const to = out + first * channel;
    switch (outputs) {
      case 1:
        tile<1>(first, to, channel);
        break;
      case 2:
        tile<2>(first, to, channel);
        break;
      case 3:
        tile<3>(first, to, channel);
        break;
      case 4:
        tile<4>(first, to, channel);
        break;
      case 5:
        tile<5>(first, to, channel);
        break;
      case 6:
        tile<6>(first, to, channel);
        break;
      case 7:
        tile<7>(first, to, channel);
        break;
      default:
        tile<most_outputs>(first, to, channel);
    }
    first += outputs;
  }
}

template <int outputs>
void RowConvolution::tile(int first, float* out, std::size_t channel) const {
  constexpr int vectors = vectors_of(outputs);
  const float* w = packed_.data() + (first * in_.channels * kernel_ * kernel_);
  const int registers = registers_of(out_width() * in_.batch);
  for (int v = 0; v < registers; v += vectors) {
    const int count = std::min(vectors, registers - v);
    // Columns of the kernel that meet no more than zeros beside the image are left out.
    const int first_place = v * vector_lanes / in_.batch;
    const int last_place = std::min(((v + count) * vector_lanes - 1) / in_.batch, out_width() - 1);
    const int from = std::max(0, in_.padding - last_place);
    const int to = std::min(kernel_, in_.width + in_.padding - first_place);
    last_block<outputs, vectors>(count, w, v * vector_lanes, from, to, out + v * vector_lanes, channel);
  }
}

/// The block of `count` registers, at most `vectors`.
template <int outputs, int vectors>
void RowConvolution::last_block(int count, const float* w, std::size_t at, int from, int to, float* out,
                                std::size_t channel) const {
  if (count == vectors) return block<outputs, vectors>(w, at, from, to, out, channel);
  if constexpr (vectors > 1) last_block<outputs, vectors - 1>(count, w, at, from, to, out, channel);
}

template <int outputs, int vectors>
void RowConvolution::block(const float* w, std::size_t at, int from, int to, float* out, std::size_t channel) const {
  Vector sums[outputs][vectors] = {};
  const std::size_t shift = in_.batch;
  for (const auto& source : sources_) {
    const float* x = source.x + at + from * shift;
    const float* factor = w + (source.number * kernel_ + from) * outputs;
    for (int j = from; j < to; ++j, x += shift, factor += outputs) {
      Vector places[vectors];
      for (int v = 0; v < vectors; ++v) places[v] = load_vector(x + v * vector_lanes);
      for (int o = 0; o < outputs; ++o)
        for (int v = 0; v < vectors; ++v) sums[o][v] += factor[o] * places[v];
    }
  }
  for (int o = 0; o < outputs; ++o)
    for (int v = 0; v < vectors; ++v) store_vector(out + o * channel + v * vector_lanes, sums[o][v]);
}

}  // namespace flatsweep
