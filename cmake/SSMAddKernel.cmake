# ssm_add_kernel(<name> SOURCE <file.mlir>
#                [ENTRY <function>] [TARGET <cpu>] [STRATEGY <strategy>]
#                [OPTIONS <option>...])
#
# Compiles an MLIR file with ssm-compile into a library target <name>. Whatever
# links it finds the generated header as <name>.h. ENTRY picks one function of
# the file, all public ones are compiled without it; TARGET is "host" or an LLVM
# CPU name; OPTIONS go to ssm-compile as they are.
function(ssm_add_kernel name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE;ENTRY;TARGET;STRATEGY" "OPTIONS")
  if(NOT arg_SOURCE OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "ssm_add_kernel(${name}): expected SOURCE <file.mlir> [ENTRY <function>] [TARGET <cpu>] "
      "[STRATEGY <strategy>] [OPTIONS <option>...], found '${ARGN}'")
  endif()
  get_filename_component(source ${arg_SOURCE} ABSOLUTE)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.ssm)
  set(object ${folder}/${name}.o)
  set(header ${folder}/${name}.h)

  set(options ${arg_OPTIONS})
  foreach(key ENTRY TARGET STRATEGY)
    if(arg_${key})
      string(TOLOWER ${key} option)
      list(APPEND options --${option}=${arg_${key}})
    endif()
  endforeach()

  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${object} ${header}
    COMMAND ssm::ssm-compile ${source} -o ${object} --header ${header} ${options}
    DEPENDS ${source} ssm::ssm-compile
    COMMENT "Compiling kernel ${name}"
    VERBATIM)
  # The object alone gives CMake no language to archive it with.
  add_library(${name} STATIC ${object} ${header})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  target_include_directories(${name} INTERFACE ${folder})
  target_link_libraries(${name} INTERFACE m)
endfunction()
