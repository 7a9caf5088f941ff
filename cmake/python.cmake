# The Python package beside the program, where the python3 of the machine looks for it below the prefix, and its two commands.
find_program(FLATSWEEP_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH DOC "A Python with h5py, for the package and the end-to-end tests")
set(python_folder lib/python3/dist-packages)
set(python_interpreter "/usr/bin/env python3")
if(FLATSWEEP_PYTHON)
  set(python_interpreter ${FLATSWEEP_PYTHON})
  # Debian's Python reads dist-packages below /usr/local, others site-packages.
  execute_process(OUTPUT_VARIABLE python_folder OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND ${FLATSWEEP_PYTHON} -c
    "import sys; kind = 'dist' if any(path.endswith('dist-packages') for path in sys.path) else 'site'
print(f'lib/python{sys.version_info[0]}.{sys.version_info[1]}/{kind}-packages')")
endif()
set(FLATSWEEP_PYTHON_DIR "${python_folder}" CACHE STRING "Where the Python package goes, below the prefix")

install(DIRECTORY ${PROJECT_SOURCE_DIR}/python/flatsweep DESTINATION ${FLATSWEEP_PYTHON_DIR} PATTERN __pycache__ EXCLUDE)
foreach(command plot.figures report.report)
  string(REGEX REPLACE ".*\\." "flatsweep-" script ${command})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/python-command.in ${PROJECT_BINARY_DIR}/python/${script} @ONLY)
  install(PROGRAMS ${PROJECT_BINARY_DIR}/python/${script} DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()
