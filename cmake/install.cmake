# The program, and its rooms as libraries that other projects find with find_package(flatsweep).
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/flatsweep)

install(TARGETS flatsweep RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/flatsweep DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
foreach(room IN LISTS flatsweep_rooms)
  set_target_properties(flatsweep_${room} PROPERTIES EXPORT_NAME ${room})
  list(APPEND room_targets flatsweep_${room})
endforeach()
set_target_properties(flatsweep_options PROPERTIES EXPORT_NAME options)
set_target_properties(flatsweep_kernel_library PROPERTIES EXPORT_NAME kernel_library)
install(TARGETS ${room_targets} flatsweep_options flatsweep_kernel_library EXPORT flatsweepTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT flatsweepTargets NAMESPACE flatsweep:: DESTINATION ${package_folder})

set(flatsweep_has_xsmm OFF)
if(XSMM_FOUND)
  set(flatsweep_has_xsmm ON)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/flatsweepConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/flatsweepConfig.cmake INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may change the headers.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/flatsweepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/flatsweepConfig.cmake ${PROJECT_BINARY_DIR}/flatsweepConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/packages.cmake DESTINATION ${package_folder})
