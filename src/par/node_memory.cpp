#include "flatsweep/par/node_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

namespace flatsweep {

namespace {

// The token before the bytes tells this memory from anything else that a rank might find under the same name.
constexpr std::size_t head = 64;

std::uint64_t random_token() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

/// A file in memory, as one rank holds it.
class SharedFile {
 public:
  SharedFile() = default;
  explicit SharedFile(int handle) : handle_(handle) {}
  SharedFile(SharedFile&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
  SharedFile& operator=(SharedFile&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;
  ~SharedFile() {
    if (handle_ >= 0) close(handle_);
  }
  [[nodiscard]] bool is_open() const { return handle_ >= 0; }
  [[nodiscard]] int get() const { return handle_; }

 private:
  int handle_ = -1;
};

/// What the root rank tells the others.
struct Offer {
  std::string path;  // empty: there is none
  std::string trouble;
  std::uint64_t token = 0;
};

using Mapping = std::shared_ptr<std::byte>;

Mapping map(const SharedFile& file, std::size_t length) {
  void* base = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (base == MAP_FAILED) return nullptr;
  return {static_cast<std::byte*>(base), [length](std::byte* begin) { munmap(begin, length); }};
}

std::string failure(const std::string& doing, int error) { return doing + ": " + std::strerror(error); }

/// The root rank makes the file, takes its room and writes the token.
class Leader {
 public:
  Leader(std::size_t length, const NodeMemorySource& source) : length_(length), source_(source) {}

  Offer offer_nameless() {
    file_ = SharedFile(memfd_create("flatsweep", MFD_CLOEXEC));
    return prepare("a file in memory", "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file_.get()));
  }
  Offer offer_named() {
    const auto path =
        (source_.folder / ("flatsweep-" + std::to_string(getpid()) + "-" + std::to_string(random_token()))).string();
    file_ = SharedFile(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file_.is_open()) named_ = path;
    return prepare(source_.folder.string(), path);
  }
  /// Once all have opened it.
  void forget_name() {
    if (!named_.empty()) unlink(named_.c_str());
    named_.clear();
  }
  [[nodiscard]] const Mapping& mapping() const { return mapping_; }

 private:
  Offer prepare(const std::string& place, const std::string& path) {
    Offer offer{"", "", random_token()};
    int error = file_.is_open() ? 0 : errno;
    if (error == 0) error = source_.reserve(file_.get(), length_);
    if (error == 0) {
      mapping_ = map(file_, length_);
      if (!mapping_) error = errno;
    }
    if (error != 0) {
      offer.trouble = failure(place, error);
      forget_name();
      return offer;
    }
    std::memcpy(mapping_.get(), &offer.token, sizeof offer.token);
    offer.path = path;
    return offer;
  }

  std::size_t length_;
  const NodeMemorySource& source_;
  SharedFile file_;
  std::string named_;
  Mapping mapping_;
};

/// Another rank opens what the root rank offers. Nothing where that is something else in this rank's eyes.
Mapping take_up(const Offer& offer, std::size_t length) {
  const SharedFile file(open(offer.path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info = {};
  if (!file.is_open() || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_size != static_cast<off_t>(length))
    return nullptr;
  auto mapping = map(file, length);
  if (mapping && std::memcmp(mapping.get(), &offer.token, sizeof offer.token) != 0) return nullptr;
  return mapping;
}

/// One try. Collective; a mapping on every rank, or on none and why not.
Mapping try_together(const Communicator& node, std::size_t length, const std::function<Offer(Leader&)>& make,
                     const NodeMemorySource& source, std::string& trouble) {
  Leader leader(length, source);
  Offer offer;
  if (node.is_root()) offer = make(leader);
  node.broadcast(offer.path);
  node.broadcast(offer.trouble);
  offer.token = node.broadcast(offer.token);
  Mapping mapping;
  if (!offer.path.empty()) mapping = node.is_root() ? leader.mapping() : take_up(offer, length);
  const bool all = !node.any(mapping == nullptr);
  leader.forget_name();
  if (all) return mapping;
  trouble += (trouble.empty() ? "" : "; ") +
             (offer.trouble.empty() ? offer.path + ": not every rank of the node can open it" : offer.trouble);
  return nullptr;
}

/// Of a node with one rank.
Mapping own_memory(std::size_t length) {
  return {static_cast<std::byte*>(::operator new (length, std::align_val_t{head})),
          [](std::byte* begin) { ::operator delete (begin, std::align_val_t{head}); }};
}

}  // namespace

int reserve_room(int file, std::int64_t bytes) {
  int error = EINTR;
  while (error == EINTR) error = posix_fallocate(file, 0, bytes);
  return error;
}

NodeMemory::NodeMemory(const Communicator& node, std::size_t size, const NodeMemorySource& source) {
  const std::size_t length = head + size;
  if (node.size() == 1) {
    mapping_ = own_memory(length);
    std::memset(mapping_.get(), 0, length);
  }
  if (!mapping_ && source.nameless) mapping_ = try_together(node, length, &Leader::offer_nameless, source, trouble_);
  if (!mapping_ && !source.folder.empty())
    mapping_ = try_together(node, length, &Leader::offer_named, source, trouble_);
  if (mapping_) {
    trouble_.clear();
    bytes_ = {mapping_.get() + head, size};
  }
}

}  // namespace flatsweep
