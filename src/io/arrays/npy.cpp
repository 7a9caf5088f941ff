#include "npy.hpp"

#include "array_source.hpp"

namespace flatsweep {

namespace {

class Npy final : public ArraySource {
 public:
  explicit Npy(PosixFile file) : file_(std::move(file)) {
    const auto size = size_of(file_);
    std::uint64_t done = 0;
    header_ = read_npy_header([&](std::span<std::byte> out) {
      if (out.size() > size - done) refuse("it is cut short within its header; copy it again");
      read_at(file_, done, out.data(), out.size());
      done += out.size();
    });
    const std::uint64_t expected = bytes_of(header_.array);
    if (size - done != expected)
      refuse("it has {} bytes behind its header, and shape ({}) of {} takes {}; {}", size - done,
             fmt::join(header_.array.shape, ", "), to_string(header_.array.type), expected,
             size - done < expected ? "it is cut short, copy it again" : "write it with numpy.save");
    add_array(list_, header_.array);
  }

  void read(std::size_t, Range rows, std::span<std::byte> out) override {
    read_npy_rows(header_, rows, out, [&](std::uint64_t at, std::span<std::byte> into) {
      read_at(file_, header_.data + at, into.data(), into.size());
    });
  }

 private:
  PosixFile file_;
  NpyHeader header_;
};

}  // namespace

void read_npy_rows(const NpyHeader& header, Range rows, std::span<std::byte> out,
                   const std::function<void(std::uint64_t, std::span<std::byte>)>& read) {
  const auto& array = header.array;
  if (header.order == ElementOrder::row_major || array.shape.size() < 2) {
    read(rows.begin * array.row_size() * width_of(array.type), out);
  } else {
    std::vector<std::byte> all(bytes_of(array));
    read(0, all);
    take_rows(array, all, rows, out);
  }
  if (header.bytes == ByteOrder::big) turn_bytes(out, width_of(array.type));
}

std::unique_ptr<ArraySource> open_npy(PosixFile file) { return std::make_unique<Npy>(std::move(file)); }

}  // namespace flatsweep
