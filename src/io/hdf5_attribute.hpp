#pragma once

#include "flatsweep/io/tree.hpp"
#include "hdf5_handle.hpp"

#include <functional>

namespace flatsweep {

/// Writes one attribute, in place of one of the same name. Text is a variable-length UTF-8 scalar, which h5py reads
/// as `str`.
void write_attribute(hid_t object, const Attribute& attribute);

/// The text of an open attribute, which is a scalar of this type of text of variable length.
std::string read_text(hid_t attribute, hid_t type, const std::string& name);
/// An attribute of text, "" where there is none.  @throws DamagedFile where it is something else
std::string read_text_attribute(hid_t object, const std::string& name);

/// What the elements of a data set of words stand for: CF's `flag_values`, 0, 1, ... (up to 16,000), and
/// `flag_meanings`, in which `_` stands for a blank. Where words have `_` themselves, or nothing, `flag_texts` has them
/// as they are, one a line. Of flags there are `flag_masks`, 1, 2, 4, ..., in place of `flag_values`. None is written
/// and read where there are no words.
constexpr const char* flag_values = "flag_values";
constexpr const char* flag_masks = "flag_masks";
constexpr const char* flag_meanings = "flag_meanings";
constexpr const char* flag_texts = "flag_texts";
void write_words(hid_t hdf_dataset, const Dataset& dataset);
/// Fills `words` and `flags` of the data set.  @throws DamagedFile when there is not one word for each value
void read_words(hid_t hdf_dataset, Dataset& dataset);

/// The names of an object's attributes.
std::vector<std::string> attribute_names(hid_t object, H5_index_t order);

/// All attributes of an object in the order in which they were made, but those that `skip` names.
/// @throws IoError for an attribute of another kind than `AttributeValue` holds
std::vector<Attribute> read_attributes(hid_t object, const std::function<bool(const std::string&)>& skip);

/// The names of a data set's axes, "" where one has none.  @throws DamagedFile when they are not one text for each
std::vector<std::string> read_labels(hid_t hdf_dataset, std::size_t axes);

}  // namespace flatsweep
