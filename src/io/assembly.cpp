#include "assembly.hpp"

#include "axes.hpp"
#include "flatsweep/base/error.hpp"
#include "footer.hpp"
#include "hdf5_layout.hpp"
#include "hdf5_object.hpp"
#include "hdf5_reader.hpp"
#include "posix_file.hpp"

namespace flatsweep {

namespace {

std::string path_below(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "/" + name;
}

}  // namespace

/// Where the data of a part come from, and which large data sets were met.
struct Assembly::Source {
  hid_t root = H5I_INVALID_HID;  ///< of the part's file; invalid where data are in memory
  std::string path;              ///< of the group at hand, within the part
  std::vector<std::string> large;

  void copy(const Dataset& dataset, hid_t target) {
    if (is_large(dataset))
      large.push_back(path_below(path, dataset.name));
    else if (!dataset.bytes.empty() || dataset.count() == 0)
      write_dataset(target, dataset);
    else
      write_dataset(target, read_dataset(root, path_below(path, dataset.name), Contents::everything));
  }
};

bool is_large(const Dataset& dataset) { return dataset.count() > 0 && chunk_layout(dataset).count > 1; }

Assembly::Assembly(const std::filesystem::path& path) : path_(path) {
  file_ = open_hdf(path, H5F_ACC_RDWR, file_access_list());
}

std::vector<std::string> Assembly::add(const ResultPart& part) {
  Source source;
  if (part.file.empty()) {
    add_group(part.group, part.tree, source);
    return source.large;
  }
  check_footer(part.file, part.run);
  const auto file = open_durable(part.file);
  const auto root = open_or_create_group(file.get(), "");
  source.root = root.get();
  add_group(part.group, read_group(root.get(), "", Contents::skeleton), source);
  return source.large;
}

void Assembly::add_group(const std::string& path, const Group& contents, Source& source) {
  const auto scales = missing_scales(contents);
  const auto chosen = choose(path, contents, scales);
  const auto group = open_or_create_group(file_.get(), path);
  write_attributes(group.get(), contents);
  for (const auto* dataset : chosen) {
    auto target = create_dataset(group.get(), *dataset);
    source.copy(*dataset, target.get());
    close_or_leave(target, "closing a data set", path_);
  }
  for (const auto* dataset : chosen) attach_scales(group.get(), *dataset);
  const auto here = source.path;
  for (const auto& child : contents.groups) {
    source.path = path_below(here, child.name);
    add_group(path_below(path, child.name), child, source);
  }
}

std::vector<const Dataset*> Assembly::choose(const std::string& path, const Group& contents,
                                             const std::vector<Dataset>& scales) {
  std::vector<const Dataset*> chosen;
  for (const auto* datasets : {&contents.datasets, &scales})
    for (const auto& dataset : *datasets) {
      const auto name = path_below(path, dataset.name);
      const auto shape = dataset.is_scale() ? dataset.shape : std::vector<std::uint64_t>{};
      const auto [there, fresh] = shapes_.emplace(name, shape);
      if (fresh)
        chosen.push_back(&dataset);
      else if (!is_index_scale(dataset) || there->second != shape)
        throw IoError("two parts hold the data set '" + name + "'");
    }
  return chosen;
}

void Assembly::close() {
  check_hdf(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "flushing the file");
  close_or_leave(file_, "closing the file", path_);
}

bool Assembly::abandon() noexcept { return H5Iis_valid(file_.get()) <= 0 || H5Fclose(file_.get()) >= 0; }

}  // namespace flatsweep
